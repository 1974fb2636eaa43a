"""The bytes of images and models, downloaded in a process of their own."""
