"""`burnish show RUN --rollouts` of answers that took several turns: calls, results and what was paid stand there."""

from burnish.cli.rollouts import way


def test_calls_results_and_pay_are_told_in_order():
    call = 'calc({"expression": "6*7"})'
    line = {
        "reward": 1.1, "answer": "It is 42.", "reason": "right; turns paid 0.1", "stop_reason": "stop", "tokens": 21,
        "turns": [
            {"role": "user", "content": "6 * 7?", "ids": [1]},
            {"role": "assistant", "content": "", "calls": [call], "reward": 0.1, "ids": [2], "logprobs": [-1.0]},
            {"role": "tool", "content": "42", "ids": [3]},
            {"role": "assistant", "content": "It is 42.", "calls": [], "reward": 0.0, "ids": [4], "logprobs": [-0.5]},
        ],
    }  # fmt: skip
    told = [part.split() for part in way(line, 100).plain.splitlines()]
    assert told[0][:2] == ["1.10", "right;"]
    assert [t[0] for t in told[1:]] == ["calls", "is", "reads", "says"]
    assert told[1][1:] == ['calc({"expression":', '"6*7"})']
    assert told[2][1:] == ["paid", "0.1"]
    assert told[3][1:] == ["42"]
    assert told[4][1:] == ["It", "is", "42."]
