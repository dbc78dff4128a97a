"""What comes next where a coupon falls out."""
