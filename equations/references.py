"""Where the equations come from. One entry per publication; every model names those it uses."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """A publication (or a piece of public code) that a declaration was read from.

    Parameters
    ----------
    key : str
        BibTeX key, also the short form printed beside a parameter.
    authors, title, where : str
        As they should be cited; ``where`` is journal, volume and page, or publisher.
    year : int
    doi : str, optional
    kind : str, optional
        BibTeX entry type.
    """

    key: str
    authors: str
    year: int
    title: str
    where: str
    doi: str = ""
    kind: str = "article"

    def __str__(self) -> str:
        doi = f" doi:{self.doi}" if self.doi else ""
        return f"{self.authors} ({self.year}). {self.title}. {self.where}.{doi}"

    @property
    def bibtex(self) -> str:
        """The entry as BibTeX."""
        place = {"article": "journal", "incollection": "booktitle"}.get(self.kind, "howpublished")
        fields = {"author": self.authors, "title": f"{{{self.title}}}", place: self.where, "year": self.year}
        if self.doi:
            fields["doi"] = self.doi
        return f"@{self.kind}{{{self.key},\n" + "".join(f"  {k} = {{{v}}},\n" for k, v in fields.items()) + "}"


STIMBERG_2019 = Reference(
    "Stimberg2019",
    "Stimberg, M. and Goodman, D. F. M. and Brette, R. and De Pittà, M.",
    2019,
    "Modeling neuron-glia interactions with the Brian 2 simulator",
    "Computational Glioscience, chapter 18, Springer",
    "10.1007/978-3-030-00817-8_18",
    "incollection",
)

SHEN_2023 = Reference(
    "Shen2023",
    "Shen, G. and Zhao, D. and Dong, Y. and Li, Y. and Li, J. and Sun, K. and Zeng, Y.",
    2023,
    "Astrocyte-Enabled Advancements in Spiking Neural Networks for Large Language Modeling",
    "arXiv",
    "10.48550/arXiv.2312.07625",
    "misc",
)
