"""Random changes of waveforms, images, video and volumes that keep the label, and mixes of two windows."""
