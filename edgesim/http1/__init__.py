"""HTTP/1.1 without I/O: heads, targets, framing and local replies (RFC 9110, RFC 9112)."""
