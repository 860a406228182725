"""synthtrust: can this synthetic medical image set be trusted?"""
