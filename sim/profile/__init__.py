"""Hardware profiles: what they say, reading them with every fault at once, and the shipped ones."""

from .catalogue import check_profile, load_profile, profile_names
from .check import ProfileWarning
from .schema import Profile

__all__ = ["Profile", "ProfileWarning", "check_profile", "load_profile", "profile_names"]
