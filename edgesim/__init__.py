"""edgesim rehearses a canary release on one laptop: Gloo Edge YAML in, a real HTTP proxy out."""

__version__ = "0.1.0"
