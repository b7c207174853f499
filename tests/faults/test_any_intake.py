"""The promises that the fuzzer checks, on inputs a step away from synthetic messages."""

from random import Random

from tests.faults.any_intake import Check, seeds

ROUNDS = 3


def test_messages_with_a_few_odd_bytes_have_one_translation_and_one_receipt() -> None:
    random, check = Random(1), Check()
    for _ in range(ROUNDS):
        for seed in seeds():
            data = bytearray(seed)
            for _ in range(random.randrange(4)):
                data[random.randrange(len(data))] = random.randrange(256)
            check(bytes(data))
    assert check.inputs > check.usable > check.inputs / 10
