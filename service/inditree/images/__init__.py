"""Large images: their threads, descriptors and buffers."""
