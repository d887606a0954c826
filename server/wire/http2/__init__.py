"""HTTP/2 as bytes: frames, header blocks, streams and their windows (RFC 9113, RFC 7541), without any I/O."""
