"""`tools/results.py`: what is trained, what is remembered, and what the page says of it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

pytest.importorskip("torch")
import results
from bitspike.training import data
from experiments import choice, plan, runs, statistics, table
from experiments.ledger import FINAL, SEARCH, Ledger, Run
from experiments.plan import Task
from experiments.settings import BOOLEAN, PAPER, SURROGATE, boolean, described, surrogate

SETTINGS = {
    BOOLEAN: (boolean(k=7, dither=True), boolean(k=3)),
    SURROGATE: (surrogate("arctan", 0.5), surrogate("boxcar", 0.5)),
}
TINY = Task("tiny", "Tiny digits", "digits", 10.0, SETTINGS, 2, 3, {"epochs": 1, "validation": 100})


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Few samples, one tiny task, and the arguments that keep the ledger and the page in a folder of the test."""
    digits = data.load_data("digits")
    few = replace(digits, train=digits.train[:200], train_labels=digits.train_labels[:200], test=digits.test[:20],
                  test_labels=digits.test_labels[:20])  # fmt: skip
    for module in ("recipe", "loop", "task"):
        monkeypatch.setattr(f"bitspike.training.{module}.load_data", lambda *arguments: few)
    for module in (results, table):
        monkeypatch.setattr(module, "TASKS", (TINY,))
    return ["--ledger", str(tmp_path / "runs.jsonl"), "--page", str(tmp_path / "page.md")]


def ledger_of(files):
    return [json.loads(line) for line in Path(files[1]).read_text(encoding="utf-8").splitlines()]


def test_a_search_on_validation_chooses_what_the_final_seeds_train(files, capsys):
    assert results.main(files) == 0
    lines = ledger_of(files)
    searched = [line for line in lines if line["phase"] == SEARCH]
    assert [line["setting"] for line in searched] == [
        described(each) for each in (*SETTINGS[BOOLEAN], *SETTINGS[SURROGATE])
    ]
    assert all(line["test"] is None and line["seed"] == 0 for line in searched)
    best = max(searched[:2], key=lambda line: line["validation"])
    finals = [line for line in lines if line["phase"] == FINAL]
    assert [(line["seed"], line["family"]) for line in finals] == [
        (seed, family) for seed in (1, 2) for family in (BOOLEAN, SURROGATE, PAPER)
    ]
    assert {line["setting"] for line in finals if line["family"] == BOOLEAN} == {best["setting"]}
    assert {line["setting"] for line in finals if line["family"] == PAPER} == {"boolean, k 0, p 1.0, dither False"}
    assert all(line["proof"]["engine"] == 20 for line in finals)
    assert all(1 <= line["decided"] <= 8 for line in finals)
    assert [line["proof"].get("oracle") for line in finals if line["family"] == BOOLEAN] == [3, None]
    said = capsys.readouterr().out.splitlines()
    assert len(said) == len(lines)

    page = Path(files[3]).read_text(encoding="utf-8")
    mean = np.mean([line["test"] for line in finals if line["family"] == BOOLEAN])
    assert f"| Tiny digits | >= 10.0 | {100 * mean:.2f} ± " in page
    assert "120 engine, 3 oracle | 1 2 |" in page
    rows = page.split("## Tiny digits")[1].splitlines()
    assert sum(row.startswith("| boolean | `boolean, ") for row in rows) == 2 + 2  # searched, and the seeds


def test_what_is_in_the_ledger_is_not_trained_again(files, monkeypatch):
    results.main(files)
    before = Path(files[1]).read_bytes()
    trained = []
    monkeypatch.setattr(runs, "train", lambda *arguments, **named: trained.append(arguments))
    assert results.main(files) == 0
    assert not trained
    assert Path(files[1]).read_bytes() == before


def test_a_search_of_several_seeds_chooses_by_their_mean(tmp_path):
    ledger = Ledger(tmp_path / "runs.jsonl")
    first, second = SETTINGS[BOOLEAN]
    for gradient, accuracies in ((first, (0.9, 0.6)), (second, (0.7, 0.82))):
        for seed, accuracy in zip((0, 1000), accuracies, strict=True):
            setting = described(gradient)
            ledger.add(Run("tiny", BOOLEAN, setting, SEARCH, seed, "0a", accuracy, None, 1, 0.1, 1.0, {}, {}))
    assert choice.chosen(replace(TINY, searches=(2,)), BOOLEAN, ledger) == second
    assert choice.chosen(TINY, BOOLEAN, ledger) == first  # whose search has one
    rows = table._search_rows(TINY, ledger)
    assert [(row[1], row[2], row[5]) for row in rows] == [
        (f"`{described(second)}`", "76.00%", "2"),
        (f"`{described(first)}`", "75.00%", "2"),
    ]


def test_a_search_of_several_seeds_has_its_own(files, monkeypatch):
    for module in (results, table):
        monkeypatch.setattr(module, "TASKS", (replace(TINY, searches=(2,), seeds=1, papers=0),))
    assert results.main(files) == 0
    assert [line["seed"] for line in ledger_of(files)] == [0, 1000] * 4 + [1, 1]


def test_seeds_that_only_an_older_recipe_has_do_not_count(tmp_path):
    ledger = Ledger(tmp_path / "runs.jsonl")
    single = replace(TINY, settings={family: settings[:1] for family, settings in SETTINGS.items()})
    for seed, recipe in ((1, "0a"), (2, "0a"), (1, "0b")):
        setting = described(SETTINGS[BOOLEAN][0])
        ledger.add(Run("tiny", BOOLEAN, setting, FINAL, seed, recipe, 0.9, 0.8, 1, 0.1, 1.0, {}, {}))
    assert [(run.seed, run.recipe) for run in table._finals(single, BOOLEAN, ledger)] == [(1, "0b")]


def test_the_better_half_of_the_settings_goes_on_to_the_next_round(files, monkeypatch):
    three = {BOOLEAN: (*SETTINGS[BOOLEAN], boolean(k=5)), SURROGATE: (*SETTINGS[SURROGATE], surrogate("triangle", 1.0))}
    task = replace(TINY, settings=three, searches=(1, 3), seeds=1, papers=0)
    for module in (results, table):
        monkeypatch.setattr(module, "TASKS", (task,))
    assert results.main(files) == 0
    lines = [line for line in ledger_of(files) if line["phase"] == SEARCH]
    assert [line["seed"] for line in lines] == [0] * 6 + [1000, 2000] * 4
    for family, first, then in ((BOOLEAN, lines[:3], lines[6:10]), (SURROGATE, lines[3:6], lines[10:])):
        worst = min(first[::-1], key=lambda line: line["validation"])  # the last of equals
        assert [line["setting"] for line in then[::2]] == [line["setting"] for line in first if line is not worst]
        means = {
            line["setting"]: np.mean([each["validation"] for each in lines if each["setting"] == line["setting"]])
            for line in then
        }
        found = choice.chosen(task, family, Ledger(Path(files[1])))
        assert means[described(found)] == max(means.values())


def test_a_setting_that_fell_out_is_not_chosen_for_its_few_seeds(tmp_path):
    ledger = Ledger(tmp_path / "runs.jsonl")
    first, second = SETTINGS[BOOLEAN]
    for gradient, accuracies in ((first, (0.9,)), (second, (0.95, 0.6))):
        for seed, accuracy in zip((0, 1000), accuracies, strict=False):
            setting = described(gradient)
            ledger.add(Run("tiny", BOOLEAN, setting, SEARCH, seed, "0a", accuracy, None, 1, 0.1, 1.0, {}, {}))
    task = replace(TINY, searches=(1, 2))
    assert choice.remaining(task, BOOLEAN, ledger, 1) == [second]
    assert choice.chosen(task, BOOLEAN, ledger) == second
    assert [row[1] for row in table._search_rows(task, ledger)] == [f"`{described(each)}`" for each in (second, first)]


def test_the_papers_own_gradient_may_be_the_chosen_one_and_is_trained_once(files, monkeypatch):
    own = {BOOLEAN: (boolean(),), SURROGATE: SETTINGS[SURROGATE][:1]}
    for module in (results, table):
        monkeypatch.setattr(module, "TASKS", (replace(TINY, settings=own),))
    assert results.main(files) == 0
    assert [(line["seed"], line["family"]) for line in ledger_of(files)] == [
        (seed, family) for seed in (1, 2) for family in (BOOLEAN, SURROGATE)
    ]
    page = Path(files[3]).read_text(encoding="utf-8")
    assert "80 engine, 3 oracle | 1 2 |" in page
    rows = page.split("## Tiny digits")[1].splitlines()
    assert [sum(row.startswith(f"| {family} |") for row in rows) for family in (BOOLEAN, PAPER)] == [2, 2]


def test_a_chosen_gradient_that_was_tested_without_the_oracle_is_trained_again_with_it(files, monkeypatch):
    own = {BOOLEAN: (boolean(),), SURROGATE: SETTINGS[SURROGATE][:1]}
    for module in (results, table):
        monkeypatch.setattr(module, "TASKS", (replace(TINY, settings=own, seeds=1),))
    results.main(files)
    lines = ledger_of(files)
    older = [{**line, "proof": {"engine": 20}} for line in lines]
    Path(files[1]).write_text("".join(json.dumps(line) + "\n" for line in older), encoding="utf-8")
    assert results.main(files) == 0
    assert [line["proof"].get("oracle") for line in ledger_of(files)] == [None, None, 3]
    assert results.main(files) == 0  # and no third time
    assert len(ledger_of(files)) == 3
    assert "40 engine, 3 oracle | 1 |" in Path(files[3]).read_text(encoding="utf-8")


def test_a_task_of_folds_trains_each_with_its_own_changes_and_searches_nothing(files, monkeypatch):
    single = {BOOLEAN: SETTINGS[BOOLEAN][:1], SURROGATE: SETTINGS[SURROGATE][:1]}
    folded = replace(TINY, settings=single, folds=({"batch": 10}, {"batch": 20}))
    batches, train = [], runs.train
    monkeypatch.setattr(
        runs, "train", lambda recipe, *more, **named: batches.append(recipe.batch) or train(recipe, *more, **named)
    )
    for module in (results, table):
        monkeypatch.setattr(module, "TASKS", (folded,))
    assert results.main(files) == 0
    assert batches == [10] * 3 + [20] * 3
    assert {line["phase"] for line in ledger_of(files)} == {FINAL}
    assert "not run yet" not in Path(files[3]).read_text(encoding="utf-8")


def test_the_papers_own_gradient_may_have_fewer_seeds_than_the_others(files, monkeypatch):
    single = {family: settings[:1] for family, settings in SETTINGS.items()}
    for module in (results, table):
        monkeypatch.setattr(module, "TASKS", (replace(TINY, settings=single, papers=1),))
    assert results.main(files) == 0
    trained = [(line["seed"], line["family"]) for line in ledger_of(files)]
    assert trained == [(1, BOOLEAN), (1, SURROGATE), (1, PAPER), (2, BOOLEAN), (2, SURROGATE)]


def test_a_task_says_how_far_it_is_from_others(files, monkeypatch):
    single = {family: settings[:1] for family, settings in SETTINGS.items()}
    first = replace(TINY, settings=single, papers=0, seeds=1)
    second = replace(first, name="longer", title="Two epochs", changes={**TINY.changes, "epochs": 2}, against=("tiny",))
    for module in (results, table):
        monkeypatch.setattr(module, "TASKS", (first, second))
    assert results.main(files) == 0
    found = {line["task"]: 100 * line["test"] for line in ledger_of(files) if line["family"] == BOOLEAN}
    page = Path(files[3]).read_text(encoding="utf-8")
    assert f"Boolean mean less that of *Tiny digits*: {found['longer'] - found['tiny']:+.2f} points." in page


def test_a_wider_search_puts_aside_the_seeds_of_what_it_no_longer_chooses(tmp_path):
    ledger = Ledger(tmp_path / "runs.jsonl")
    first, second = (described(gradient) for gradient in SETTINGS[SURROGATE])

    def add(setting, phase, seed, validation):
        test = None if phase == SEARCH else 0.5
        ledger.add(Run("tiny", SURROGATE, setting, phase, seed, "0a", validation, test, 1, 0.1, 1.0, {}, {}))

    add(first, SEARCH, 0, 0.8)
    add(first, FINAL, 1, 0.8)
    assert [run.setting for run in table._finals(TINY, SURROGATE, ledger)] == [first]
    add(second, SEARCH, 0, 0.9)
    add(second, FINAL, 2, 0.9)
    assert [run.setting for run in table._finals(TINY, SURROGATE, ledger)] == [second]
    add(second, SEARCH, 0, 0.7)  # searched again, with another recipe
    assert [run.setting for run in table._finals(TINY, SURROGATE, ledger)] == [first]
    add(first, FINAL, 1, 0.6)
    assert [(run.seed, run.validation) for run in table._finals(TINY, SURROGATE, ledger)] == [(1, 0.6)]


def test_runs_from_before_decisions_were_timed_are_read(files):
    results.main(files)
    lines = ledger_of(files)
    older = [{key: value for key, value in line.items() if key != "decided"} for line in lines]
    Path(files[1]).write_text("".join(json.dumps(line) + "\n" for line in older), encoding="utf-8")
    assert [run.decided for run in Ledger(Path(files[1])).runs] == [None] * len(lines)


def test_two_tasks_that_train_the_same_each_have_it(files, monkeypatch):
    single = {family: settings[:1] for family, settings in SETTINGS.items()}
    first = replace(TINY, settings=single, papers=0, seeds=1)
    for module in (results, table):
        monkeypatch.setattr(module, "TASKS", (first, replace(first, name="again", title="Again")))
    assert results.main(files) == 0
    assert [line["task"] for line in ledger_of(files)] == ["tiny", "tiny", "again", "again"]


def test_a_damaged_ledger_is_named_with_its_line(files, capsys):
    Path(files[1]).write_text('{"task": "digits"}\n', encoding="utf-8")
    assert results.main(files) == 2
    assert f"{files[1]}:1: not a run: found keys ['task']; allowed: " in capsys.readouterr().err


def test_an_unknown_task_is_refused(files, capsys):
    with pytest.raises(SystemExit, match="2"):
        results.main([*files, "digts"])
    assert "found 'digts'; allowed: tiny" in capsys.readouterr().err


def test_the_interval_is_students_over_the_seeds_that_both_have():
    a, b = {1: 97.0, 2: 98.5, 3: 97.5, 9: 1.0}, {1: 96.0, 2: 98.0, 3: 97.9, 8: 2.0}
    found = statistics.paired(a, b)
    expected = stats.ttest_rel([97.0, 98.5, 97.5], [96.0, 98.0, 97.9])
    interval = expected.confidence_interval(0.95)
    assert (found.pairs, found.p) == (3, pytest.approx(expected.pvalue))
    assert (found.low, found.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert statistics.paired({1: 1.0}, {1: 2.0}) is None


def test_a_small_p_has_three_digits():
    assert [table._p(value) for value in (0.0495, 0.0996, 0.1, 0.64)] == ["0.050", "0.100", "0.10", "0.64"]


def test_a_difference_that_never_varies_is_its_own_interval():
    found = statistics.paired({1: 2.0, 2: 3.0}, {1: 1.0, 2: 2.0})
    assert (found.mean, found.low, found.high, found.p) == (1.0, 1.0, 1.0, 0.0)


def test_every_task_searches_equally_many_settings_and_loads(monkeypatch):
    for task in plan.TASKS:
        assert len({len(settings) for settings in task.settings.values()}) == 1, task.name
        assert (runs.MODELS / f"{task.recipe}.yaml").exists()


def test_a_run_is_read_as_it_was_written(tmp_path):
    run = Run("digits", BOOLEAN, "k 7", FINAL, 3, "0a", 0.97, 0.975, 30, 0.1, 12.5, {"engine": 597}, {"torch": "2"})
    Ledger(tmp_path / "runs.jsonl").add(run)
    assert Ledger(tmp_path / "runs.jsonl").runs == [run]


def test_many_seeds_in_a_row_are_said_by_their_ends():
    assert [table._seeds(seeds) for seeds in ([1, 2, 3, 4], [1, 2], [1, 3, 4], [])] == ["1 to 4", "1 2", "1 3 4", "-"]
