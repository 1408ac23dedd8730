"""The same decisions in bulk: a numpy engine over the same model, without sockets."""
