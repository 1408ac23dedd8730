"""The same decisions in bulk: a numpy engine over the same model, without sockets. Pure: generators are passed in.

Everything is taken from its module, which loads numpy and scipy:

- `population`, `described`: who sends what, and the file that says so; `columns`, `drawing`: requests by the million;
- `decided`, `sticky`, `outcomes`: where they go, as `routing.decide` and the hash policies say; `models`: how versions answer;
- `splits.simulate(tables, population, versions, generators, requests)`: the split, and how far a run may be from it;
- `questions.answer(questions, simulated, users, generator)`: `holding` (how long), `rollout` and `exposure` (who meets a bad
  canary), `plans` (which plan is fastest); `asked` reads what people type, `canaries` finds the version they mean.
"""
