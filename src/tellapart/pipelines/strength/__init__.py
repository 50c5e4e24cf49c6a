"""How strong is a CAPTCHA? What an attacker reads of it with so many labels, and which of its hardships hold out."""

from __future__ import annotations

from tellapart.pipelines.strength.assess import StrengthResult, strength

__all__ = ["StrengthResult", "strength"]
