"""The anti-corruption layer towards those who write the streams."""

from typing import Protocol

from exitbrain.domain.messages.message import IncomingMessage, Translation


class Translator(Protocol):
    """Turn what came over the wire into a message of our language, or a refusal; the same input, the same answer."""

    def translate(self, message: IncomingMessage) -> Translation:
        """Return what the message says; never raises for what a message contains."""
