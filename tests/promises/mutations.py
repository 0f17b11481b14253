"""How is each promise of the README broken, and which tests have to see it?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """One break.

    promise : its number in the README
    breaks : what no longer holds, in a few words
    file, old, new : where, and what is put in place of what; `old` stands there exactly once
    tests : at least one of these fails then
    """

    promise: int
    breaks: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


DATA, BOARD = "tests/nmfcore/data", "tests/dashboard"

MUTATIONS = (
    Mutation(
        1, "the reading child runs without its guard", "nmfcore/data/readers/child.py",
        "    _bound(limits)\n    _guard()\n", "    _bound(limits)\n",
        (f"{DATA}/test_child.py::test_the_guard_holds_while_a_file_is_read",),
    ),
    Mutation(
        1, "arrays of Python objects are read", "nmfcore/data/readers/npy.py",
        'arrays.npy_array(stream, source.size, "the file", limits)', "arrays.np.load(stream, allow_pickle=True), []",
        (f"{DATA}/test_read_files.py::test_no_pickle_is_ever_run",),
    ),
    Mutation(
        2, "a line without a rating is dropped in silence", "nmfcore/data/readers/triples.py",
        "        if self.unrated:\n", "        if False:\n",
        (f"{DATA}/test_silence.py",),
    ),
    Mutation(
        2, "a missing cell becomes 0 by itself", "nmfcore/data/settle.py",
        'filled with 0, as you chose.")\n\n', 'filled with 0, as you chose.") if False else None\n\n',
        (f"{DATA}/test_silence.py",),
    ),
    Mutation(
        3, "a refusal does not name the place", "nmfcore/data/model/errors.py",
        'where = ": ".join(part for part in (self.place, self.value) if part)', 'where = ""',
        (f"{DATA}/test_read_text.py::test_a_refusal_names_the_place_and_the_way_out",),
    ),
    Mutation(
        3, "a file that is only looked at replaces what is in use", "dashboard/session/bringing.py",
        "    discard_import()\n    missing = me", "    discard_import()\n    me.chosen.data = None\n    missing = me",
        (f"{BOARD}/test_own.py::test_a_file_that_is_refused_leaves_what_is_in_use",),
    ),
    Mutation(
        4, "the size of a file is not looked at", "nmfcore/data/reading.py",
        "    if source.size > limits.upload_bytes:\n", "    if False:\n",
        (f"{DATA}/test_read_text.py::test_limits_are_checked_and_named",),
    ),
    Mutation(
        5, "names and results of a content are everybody's", "dashboard/session/tab.py",
        'return dataset.owned_by(f"{self.id}:{self._owned}")', "return dataset",
        (f"{BOARD}/test_own.py::test_equal_content_keeps_the_name_that_each_person_gave_it",),
    ),
    Mutation(
        5, "what a session brought stays when it has ended", "dashboard/work/ledger.py",
        "        self.results.drop(lambda key: names(key, session))\n", "",
        (f"{BOARD}/test_own.py::test_what_a_session_brought_is_forgotten_when_streamlit_lets_go_of_it",),
    ),
    Mutation(
        5, "garbage that holds what somebody brought stays", "dashboard/server/housekeeping.py",
        "    gc.collect()\n", "",
        (f"{BOARD}/test_server.py::test_garbage_is_collected_by_the_housekeeping_and_not_after_every_script",),
    ),
    Mutation(
        5, "an upload goes through the disk", "dashboard/server/asgi.py",
        "    MultiPartParser.spool_max_size = ", "    _unused = ",
        (f"{BOARD}/test_server.py::test_an_upload_stays_in_memory_while_it_arrives",),
    ),
    Mutation(
        6, "a start does not follow its seed", "nmfcore/solvers/starts.py",
        "return INITS[init](problem, np.random.default_rng(seed))", "return INITS[init](problem, np.random.default_rng())",
        ("tests/nmfcore/test_init.py::test_same_seed_same_start_and_the_global_random_state_is_untouched",),
    ),
    Mutation(
        6, "factors become negative", "nmfcore/solvers/gd.py",
        "H = np.maximum(H - self.length(problem, WtW) * (WtW @ H - WtX), 0)", "H = H - self.length(problem, WtW) * (WtW @ H)",
        ("tests/nmfcore/test_gradient.py",),
    ),
    Mutation(
        7, "a cell of a table can be a formula", "dashboard/text/tables.py",
        "else [csv_cell(v) for v in c]", "else list(c)",
        (f"{BOARD}/test_plain.py", f"{BOARD}/test_downloads.py::test_no_cell_of_a_csv_is_a_formula_whatever_the_labels_say"),
    ),
    Mutation(
        7, "a column's name can be a formula", "dashboard/text/tables.py",
        "[str(csv_cell(str(name))) for name in table.columns]", "[str(name) for name in table.columns]",
        (f"{BOARD}/test_plain.py", f"{BOARD}/test_downloads.py::test_no_cell_of_a_csv_is_a_formula_whatever_the_labels_say"),
    ),
    Mutation(
        8, "the server calls out when it starts", "dashboard/server/asgi.py",
        "    hold_uploads_in_memory()\n    answer",
        "    hold_uploads_in_memory()\n    import socket\n    socket.socket(type=socket.SOCK_DGRAM).connect((\"192.0.2.1\", 9))\n"
        "    answer",
        (f"{BOARD}/test_server.py::test_the_server_calls_nobody[nmf-dashboard]",),
    ),
    Mutation(
        8, "a foreign page's WebSocket reaches Streamlit", "dashboard/server/asgi.py",
        "Middleware(OneOrigin), ", "",
        (f"{BOARD}/test_server.py::test_another_pages_websocket_is_refused_and_the_server_asks_nobody",),
    ),
    Mutation(
        8, "everybody on the network may come", "dashboard/server/cli.py",
        'flags = [f"--server.address={args.host}"]', 'flags = ["--server.address=0.0.0.0"]',
        (f"{BOARD}/test_server.py::test_it_does_not_listen_on_the_network[nmf-dashboard]",
         f"{BOARD}/test_server.py::test_without_options_it_listens_here_and_says_nothing"),
    ),
    Mutation(
        9, "what is opened from a file of a store is everybody's", "dashboard/work/stores.py",
        "store.fingerprint, choice, choice.opened)", "store.fingerprint, choice)",
        (f"{BOARD}/test_stores_page.py::test_what_is_opened_from_a_file_is_shared_with_nobody",),
    ),
    Mutation(
        9, "a saved run's data is everybody's", "dashboard/work/fitting.py",
        "    whose = (upload.owner,) if upload is not None and upload.owner else ()\n", "    whose = ()\n",
        (f"{BOARD}/test_own.py::test_equal_content_keeps_the_name_that_each_person_gave_it",),
    ),
    Mutation(
        10, "a fit is lost when its tab was away for a minute and a half", "dashboard/work/ledger.py",
        "LEASE = 900.0", "LEASE = 90.0",
        (f"{BOARD}/test_jobs.py::test_a_lease_is_as_long_as_streamlit_keeps_a_session",),
    ),
    Mutation(
        10, "a page that is loaded anew begins with nothing", "dashboard/session/reloading.py",
        "    state = make() if found is None else found\n", "    state = make()\n",
        (f"{BOARD}/test_network.py::test_a_page_loaded_anew_has_what_its_tab_held_and_another_tab_has_not",),
    ),
    Mutation(
        9, "who signs in next goes on with the page of somebody else", "dashboard/session/reloading.py",
        "found.state() is not None and found.user == user else None", "found.state() is not None else None",
        (f"{BOARD}/test_own.py::test_only_the_same_person_goes_on_with_a_page_and_only_while_its_state_lives",),
    ),
    Mutation(
        10, "a fit that was given up is not mentioned", "dashboard/session/flow.py",
        "    elif not job.stopped:\n        me.notice = Notice(GIVEN_UP.format(why=job.ended_because))\n", "",
        (f"{BOARD}/test_own.py::test_a_fit_that_is_gone_is_told",),
    ),
    Mutation(
        11, "the SVD behind the floor does not hear Stop", "nmfcore/evaluate/decompose.py",
        "        ask()  # here a person's Stop is heard", "        # here a person's Stop is heard",
        ("tests/nmfcore/test_wanted.py::test_the_iterative_svd_can_be_ended_within_its_iteration",),
    ),
    Mutation(
        11, "a start does not hear Stop", "nmfcore/core/wanted.py",
        "    if question is not None:\n", "    if False:\n",
        ("tests/nmfcore/test_wanted.py::test_every_start_that_takes_long_can_be_ended",),
    ),
    Mutation(
        11, "work that hears nothing is waited for", "dashboard/work/workers.py",
        "                late = late[: max(0, MOST_LEFT_BEHIND - len(ledger.left_behind))]\n", "                late = []\n",
        (f"{BOARD}/test_jobs.py::test_stop_is_answered_also_by_work_that_does_not_hear_it",),
    ),
    Mutation(
        12, "a job takes memory without asking", "dashboard/work/gate.py",
        "    job.reserve(needed, way_out)\n", "    pass\n",
        (f"{BOARD}/test_gate.py::test_every_computation_asks_for_room_before_it_begins",),
    ),
    Mutation(
        12, "the process's own limit is not read", "nmfcore/data/model/limits.py",
        "(_free_of_machine(), _free_of_cgroup(), _free_of_process())", "(_free_of_machine(), _free_of_cgroup())",
        (f"{BOARD}/test_gate.py::test_a_process_limit_is_read",),
    ),
)  # fmt: skip
