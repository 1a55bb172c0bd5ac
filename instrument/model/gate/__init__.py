"""Gate: an ONNX file looked through by our own reader before a runtime sees it."""
