"""Statistics: is the split right, is the canary worse; pure, over counts and histograms, randomness is passed in."""
