"""The file contract: campaign folders in, result folders out."""
