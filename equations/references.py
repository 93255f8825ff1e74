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
        return (
            f"@{self.kind}{{{self.key},\n" + "".join(f"  {k} = {{{v}}},\n" for k, v in fields.items()) + "}"
        )


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
BRETTE_GERSTNER_2005 = Reference(
    "BretteGerstner2005",
    "Brette, R. and Gerstner, W.",
    2005,
    "Adaptive exponential integrate-and-fire model as an effective description of neuronal activity",
    "Journal of Neurophysiology 94:3637-3642",
    "10.1152/jn.00686.2005",
)
DE_PITTA_2009 = Reference(
    "DePitta2009",
    "De Pittà, M. and Goldberg, M. and Volman, V. and Berry, H. and Ben-Jacob, E.",
    2009,
    "Glutamate regulation of calcium and IP3 oscillating and pulsating dynamics in astrocytes",
    "Journal of Biological Physics 35:383-411",
    "10.1007/s10867-009-9155-y",
)
DE_PITTA_2011 = Reference(
    "DePitta2011",
    "De Pittà, M. and Volman, V. and Berry, H. and Ben-Jacob, E.",
    2011,
    "A tale of two stories: astrocyte regulation of synaptic depression and facilitation",
    "PLoS Computational Biology 7:e1002293",
    "10.1371/journal.pcbi.1002293",
)
DE_PITTA_BRUNEL_2016 = Reference(
    "DePittaBrunel2016",
    "De Pittà, M. and Brunel, N.",
    2016,
    "Modulation of synaptic plasticity by glutamatergic gliotransmission: a modeling study",
    "Neural Plasticity 2016:7607924",
    "10.1155/2016/7607924",
)
GOLDBERG_2010 = Reference(
    "Goldberg2010",
    "Goldberg, M. and De Pittà, M. and Volman, V. and Berry, H. and Ben-Jacob, E.",
    2010,
    "Nonlinear gap junctions enable long-distance propagation of pulsating calcium waves in astrocyte networks",
    "PLoS Computational Biology 6:e1000909",
    "10.1371/journal.pcbi.1000909",
)
LAVRENTOVICH_HEMKIN_2008 = Reference(
    "LavrentovichHemkin2008",
    "Lavrentovich, M. and Hemkin, S.",
    2008,
    "A mathematical model of spontaneous calcium(II) oscillations in astrocytes",
    "Journal of Theoretical Biology 251:553-560",
)
LI_RINZEL_1994 = Reference(
    "LiRinzel1994",
    "Li, Y.-X. and Rinzel, J.",
    1994,
    "Equations for InsP3 receptor-mediated [Ca2+]i oscillations derived from a detailed kinetic model: "
    "a Hodgkin-Huxley like formalism",
    "Journal of Theoretical Biology 166:461-473",
    "10.1006/jtbi.1994.1041",
)
NADKARNI_JUNG_2003 = Reference(
    "NadkarniJung2003",
    "Nadkarni, S. and Jung, P.",
    2003,
    "Spontaneous oscillations of dressed neurons: a new mechanism for epilepsy?",
    "Physical Review Letters 91:268101",
    "10.1103/PhysRevLett.91.268101",
)
NEST_AEIF = Reference(
    "NESTaeif",
    "{The NEST developers}",
    2023,
    "aeif_cond_alpha_astro, a neuron model of the NEST simulator (models/aeif_cond_alpha_astro.h)",
    "https://github.com/nest/nest-simulator",
    kind="misc",
)
NEST_ASTROCYTE = Reference(
    "NESTastrocyte",
    "{The NEST developers}",
    2023,
    "astrocyte_lr_1994, an astrocyte model of the NEST simulator (models/astrocyte_lr_1994.h)",
    "https://github.com/nest/nest-simulator",
    kind="misc",
)
NEST_BRUNEL = Reference(
    "NESTBrunel",
    "{The NEST developers}",
    2023,
    "Random balanced network with astrocytes with Bernoulli connectivity, an example of the NEST simulator "
    "(pynest/examples/astrocytes/astrocyte_brunel_bernoulli.py)",
    "https://github.com/nest/nest-simulator",
    kind="misc",
)
NEST_TSODYKS = Reference(
    "NESTtsodyks",
    "{The NEST developers}",
    2004,
    "tsodyks_synapse, a synapse model of the NEST simulator (models/tsodyks_synapse.h)",
    "https://github.com/nest/nest-simulator",
    kind="misc",
)
SHUAI_JUNG_2002 = Reference(
    "ShuaiJung2002",
    "Shuai, J. W. and Jung, P.",
    2002,
    "Stochastic properties of Ca2+ release of inositol 1,4,5-trisphosphate receptor clusters",
    "Biophysical Journal 83:87-97",
    "10.1016/S0006-3495(02)75151-5",
)
SNNTORCH = Reference(
    "snnTorch",
    "{The snnTorch developers}",
    2023,
    "Leaky and Synaptic, neuron models of snnTorch (snntorch/_neurons/leaky.py, snntorch/_neurons/synaptic.py)",
    "https://github.com/jeshraghian/snntorch",
    kind="misc",
)
TSODYKS_1998 = Reference(
    "Tsodyks1998",
    "Tsodyks, M. and Pawelzik, K. and Markram, H.",
    1998,
    "Neural networks with dynamic synapses",
    "Neural Computation 10:821-835",
    "10.1162/089976698300017502",
)
TSODYKS_2000 = Reference(
    "Tsodyks2000",
    "Tsodyks, M. and Uziel, A. and Markram, H.",
    2000,
    "Synchrony generation in recurrent networks with frequency-dependent synapses",
    "Journal of Neuroscience 20:RC50",
    "10.1523/JNEUROSCI.20-01-j0003.2000",
)
