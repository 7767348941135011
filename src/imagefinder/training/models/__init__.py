"""Neural networks that can be trained: MobileNetV2 and ResNet."""
