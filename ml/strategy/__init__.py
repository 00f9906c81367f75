"""Strategy with probabilities: where a car rejoins after a stop, how a race ends, and what another strategy would have changed.

`timeline` has a race as arrays and cuts it off at a moment, so that nothing later can be used; `pitloss` what stops cost;
`hazard` how likely a stop is; `rejoin`, `simulation`, `whatif` and `undercut` answer; `exam` measures the answers on recorded
races. What is set by hand, in capitals at the head of a module, has its source in docs/strategy.md, "Constants".
"""
