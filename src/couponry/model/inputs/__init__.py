"""What a campaign is made of, as its user hands it over."""
