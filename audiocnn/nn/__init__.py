"""Building blocks over 1, 2 or 3 axes, on stock torch layers: sound, images and video share them.

Every block takes `ndim`, the number of axes, first. State-dict keys do not depend on it.
"""
