"""Classifiers: one neural network per region and fold of events, stored as ONNX with a model card."""
