"""The matrix reads what pytest reports, and says by its exit code what came of it."""

from __future__ import annotations

import json

from tests import matrix

_REPORT = """<testsuites><testsuite>
<testcase classname="tests.keycloak.test_apply" name="test_one" time="1"/>
<testcase classname="tests.keycloak.test_apply" name="test_two" time="1"><failure message="no">no</failure></testcase>
<testcase classname="tests.e2e.test_links" name="test_three" time="1"><skipped message="why"/></testcase>
<testcase classname="tests.e2e.test_links" name="test_four" time="1"><error message="no">no</error></testcase>
</testsuite></testsuites>"""


def test_a_report_is_counted_by_suite_and_names_what_failed():
    outcome = matrix.read("26.4.7", _REPORT, seconds=90)
    assert outcome.counts == {
        "tests/keycloak": {"passed": 1, "failed": 1},
        "tests/e2e": {"skipped": 1, "failed": 1},
    }
    assert outcome.failed == ("tests/e2e/test_links.py::test_four", "tests/keycloak/test_apply.py::test_two")
    assert matrix.table([outcome]).splitlines() == [
        "| Keycloak | `tests/e2e` | `tests/keycloak` | failed | skipped | minutes |",
        "|---|---|---|---|---|---|",
        "| 26.4.7 | 0 | 1 | 2 | 1 | 1.5 |",
    ]


def test_the_exit_code_says_what_came_of_it(tmp_path, monkeypatch):
    folder = tmp_path / "tests" / "keycloak"
    folder.mkdir(parents=True)
    (folder / "test_it.py").write_text(
        "import os\nimport pytest\npytestmark = pytest.mark.keycloak\n"
        "def test_version(): assert os.environ['KEYCLOAK_TEST_VERSION'] == '26.5.6'\n",
        encoding="utf-8",
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = keycloak\n", encoding="utf-8")
    monkeypatch.setattr(matrix, "ROOT", tmp_path)
    found = tmp_path / "found.json"
    assert matrix.main(["26.5.6", "26.7.4", "--only", "tests/keycloak", "--json", str(found)]) == 1
    outcomes = json.loads(found.read_text(encoding="utf-8"))
    assert [(it["version"], it["counts"]["tests/keycloak"]) for it in outcomes] == [
        ("26.5.6", {"passed": 1}),
        ("26.7.4", {"failed": 1}),
    ]
    assert matrix.main(["26.5.6", "--only", "tests/nowhere"]) == 2
