"""An example of a plugin for synthtrust: tumours painted into the images of another patient."""
