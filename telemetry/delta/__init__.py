"""Where a car was when, from a lap's samples and its official times: laps compared to some hundredths of a second, with a band.

Upstream has about four samples of speed and of position a second and the official time at four lines: start, end of sector 1, end
of sector 2, finish. Integrated speed drifts by metres per sector and differs from car to car; positions scatter by some 45 ms.
Each alone is wrong by 30 to 160 ms at a sector line, which is more than many laps differ by. Together they are not:

1. **Distance along the track.** Positions are projected on the circuit's centre line (`centre_line`): s(t), unwrapped.
2. **Speed.** I(t) is the integral of a monotone cubic through the speeds (`integral`), times a scale per car, with stamps moved
   by 50 ms, by which they run late. In I(t) all is right but a slow drift.
3. **The drift** b = s - I is a random walk with 0.15 m² a second, more across gaps in the samples. Positions observe s - I with a
   variance of (0.05 s · v)² + 0.01 m².
4. **The clock.** Official times and stamps are of different clocks. Their offset is minus the mean over the lines of (s without
   lines - the line's place) / v, s taken from a first pass without the lines, so that single positions do not scatter it.
5. **The lines.** At each official time, moved by the offset, b is observed as line - I with a standard deviation of 5 cm. The
   line's place is the median over the session's laps: what is wrong with it is wrong for both laps of a comparison. This makes
   the time at each line exact to less than a millisecond.
6. **Smoothing.** A scalar Kalman filter and a Rauch-Tung-Striebel smoother (`smoothing`) give b with its variance P, and t(s) by
   inversion, with a standard deviation of sqrt(P) / v. The variances of two laps add. The gain over a stretch of one lap takes
   the covariance of its ends, the product of the smoother's gains between them times the later variance; taking the ends as
   independent would be wrong.
7. **The band** is not the model's own: its standard deviation is multiplied by what makes 80 and 95 of 100 errors at a sector
   line that was left out lie within it (`validation`), on laps of the same session. One factor for all sessions would not hold.

Everything here works on NumPy arrays and knows neither Django nor files. Modules that use it import it inside functions, as
NumPy itself.
"""
