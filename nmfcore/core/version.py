"""Which version is this? One literal, read by the build without importing anything."""

VERSION = "0.5.0"
