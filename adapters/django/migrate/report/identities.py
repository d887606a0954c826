"""By what a finding is known again, when lines above it have moved and what is beside it has changed."""

from dataclasses import dataclass
from hashlib import sha256

from hybrid.adapters.django.migrate.findings import Finding
from hybrid.adapters.django.migrate.report.places import Texts


@dataclass(frozen=True, order=True)
class Identity:
    """What stays of a finding. Those of one line, or of lines that are alike, have the same.

    Attributes:
        file, symbol: where it is, as its place says.
        text: the first line of the place, with single spaces; the evidence where there is no such line.
    """

    file: str
    rule: str
    symbol: str
    text: str

    @property
    def hashed(self) -> str:
        """The same in 32 digits."""
        made_of = f"{self.rule}\x00{self.file}\x00{self.symbol}\x00{self.text}"
        return sha256(made_of.encode(errors="surrogatepass")).hexdigest()[:32]


def identity_of(finding: Finding, texts: Texts) -> Identity:
    """Return that of a finding.

    Args:
        finding: one of a project.
        texts: the source of that.
    """
    place = finding.place
    return Identity(place.file, finding.rule, place.symbol, texts.line(place) or finding.evidence)
