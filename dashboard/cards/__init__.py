"""Page bodies: what stands on each page, one file for each card or group of cards."""
