"""The anti-corruption layer between the producers' format and our messages."""

from typing import Protocol

from exitbrain.domain.messages.message import IncomingMessage, Translation


class Translator(Protocol):
    """Translate raw messages into our language, or refuse them; the same input gives the same answer."""

    def translate(self, message: IncomingMessage) -> Translation:
        """Return what the message says; never raises because of its content."""
