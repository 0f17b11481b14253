"""What holds for all tests: properties are judged by what they find, not by how fast a busy machine draws their examples."""

from hypothesis import HealthCheck, settings

settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")
