"""Where a car was when: the centre line of a circuit, and laps timed along it.

Everything here works on NumPy arrays and knows neither Django nor files. Modules that use it import it inside functions, as
NumPy itself.
"""
