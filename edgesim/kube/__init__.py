"""The Kubernetes API of a running instance, for real kubectl and real helm."""
