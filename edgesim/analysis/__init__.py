"""Statistics: is the split right, is the canary worse; pure, over counts and histograms, randomness is passed in.

What is here loads at once. The rest is taken from its module, which loads numpy and scipy:

- `intervals`: Wilson, Clopper-Pearson, Newcombe; `sizes`: how many requests are needed;
- `split`: counts against weights, exactly; `dispersion`: drawn or taken in turns; `sessions`: traffic that sticks;
- `worse`: errors against a margin once; `shift`: Mann-Whitney, Hodges-Lehmann, quantiles by bootstrap, over `binned`;
- `always_valid`: error rates, and `always_valid_quantiles`: latency, both looked at as often as you like.
"""

from __future__ import annotations

from edgesim.analysis.verdict import ArmNumbers, Kind, Verdict, gravest

__all__ = ["ArmNumbers", "Kind", "Verdict", "gravest"]
