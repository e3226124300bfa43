"""Sheets, configurations and command lines that the workflow refuses before anything runs."""

from tests.support.faults import Case
from tests.support.good_files import text

PLAN = "snakemake -n"
SHEET = "subject\tdataset\tvideo\turl\n"
NAMES = "write small letters, digits and `_`"
SEE = "[config/README.md](../config/README.md) lists what may stand there"
BOMB = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{b}: &{b} [{', '.join(9 * [f'*{a}'])}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


def sheet(content: str | bytes):
    """A sheet with that content, which the configuration names."""

    def make(folder):
        text("people.tsv", content)(folder)
        text("config/config.yaml", "subjects: people.tsv\n")(folder)

    return make


def row(*cells: str):
    """A sheet of one row."""
    return sheet(SHEET + "\t".join(cells) + "\n")


def config(content: str | bytes):
    """A configuration."""
    return text("config/config.yaml", content)


SHEETS = [
    Case("a sheet that is not there", PLAN, "the sheet none.tsv cannot be read: No such file",
         config("subjects: none.tsv\n"), do="correct `subjects` in the configuration"),
    Case("a folder as sheet", PLAN, "the sheet config cannot be read: Is a directory",
         config("subjects: config\n"), do="correct `subjects` in the configuration"),
    Case("a sheet with commas", PLAN, "people.tsv has no column subject: .* with tabs between",
         sheet("subject,dataset,video\nann,own,a.mp4\n"), do="save it with tabs"),
    Case("a sheet in Latin-1", PLAN, "people.tsv is not UTF-8 in line 2",
         sheet((SHEET + "ann\town\tM\xfcller.mp4\t\n").encode("latin-1")), do="save it as UTF-8"),
    Case("a subject that stands twice", PLAN, "ann stands twice in people.tsv",
         sheet(SHEET + "ann\town\tsynthetic\t\n" * 2), do="rename one"),
    Case("a video that is not there", PLAN, "Missing input files for rule crop_clip.*none.mp4",
         row("ann", "own", "none.mp4", ""),
         do="correct the column `video`; paths are seen from the "
         "working directory"),
    Case("an address of no known kind", PLAN, "sheet of subjects, ann: url: .* does not match",
         row("ann", "own", "", "gopher://x"), do="write http://, https:// or file://"),
    Case("a name that climbs", PLAN, r"subject: '\.\./\.\./pwned' does not match .*: small letters",
         row("../../pwned", "own", "synthetic", ""), hostile=True),
    Case("a command as name", PLAN, r"subject: '\$\(touch pwned\)' does not match",
         row("$(touch pwned)", "own", "synthetic", ""), hostile=True),
    Case("HTML as name", PLAN, "subject: '<script>' does not match",
         row("<script>", "own", "synthetic", ""), hostile=True),
    Case("a file of the system as an import", PLAN, "/etc",
         sheet("subject\tdataset\timported\nann\town\t/etc\n"), hostile=True),
]  # fmt: skip
CONFIGURATIONS = [
    Case("a key that nobody knows", PLAN, "'statc' was unexpected.: did you mean static",
         config("statc: {iterations: 5}\n"), do=SEE),
    Case("a setting that nobody knows",
         PLAN, "static: .*'iterrations' was .*did you mean iterations",
         config("static: {iterrations: 5}\n"), do=SEE),
    Case("a number that YAML reads as text",
         PLAN, "lr_means: '1e-5' is not of type .*write 1[.]0e-05",
         config("static: {lr_means: 1e-5}\n"), do="write `1.0e-5`"),
    Case("a negative number of iterations", PLAN, "static.iterations: -5 is less than the minimum",
         config("static: {iterations: -5}\n"), do=SEE),
    Case("NaN as learning rate", PLAN, "static.lr_means: nan is not",
         config("static: {lr_means: .nan}\n"), do=SEE),
    Case("a section without content", PLAN, "static: None is not of type 'object'",
         config("static:\n"), do="delete the line, or fill the section in"),
    Case("brackets that do not close", PLAN, "config/config.yaml cannot be read .*not valid",
         config("tables: [\n"), do="look at the brackets and at tabs"),
    Case("an empty configuration", PLAN, "config/config.yaml cannot be read .*at top level",
         config(""), do="delete the file: the defaults need none"),
    Case("a configuration in Latin-1", PLAN, "config/config.yaml cannot be read .*utf-8",
         config("source: M\xfcller\n".encode("latin-1")), do="save it as UTF-8"),
    Case("a preset that is not there", "unigs run -n --configfile none.yaml",
         "there is no configuration none.yaml", do="correct the path behind `--configfile`"),
    Case("a preset that nobody knows", "unigs portrait good/video.mp4 --preset none",
         "there is no preset none, only demo", do="choose one of them"),
    Case("a clip that is not there", "unigs portrait none.mp4", "there is no file none.mp4",
         do="correct the path"),
    Case("a variant that nobody knows", PLAN, "there is no variant none, only unigs",
         config("videos: {variants: [none]}\n"), do="correct the name, or add it to `variants`"),
    Case("a table that nobody knows", PLAN, "there is no table none, only overview",
         config("run_tables: none\n"), do="correct the name, or add it to `tables`"),
    Case("variants that are bases of each other", PLAN, "its base . is missing or goes in a ring",
         config("variants: {a: {base: b}, b: {base: a}}\n"), do="correct `base`"),
    Case("a model file that is not there", PLAN, "speech.model: there is no file none.safetensors",
         config("speech: {backend: whisper, model: none.safetensors}\n"), do="put it there, or "
         "correct the path"),
    Case("a sound that is not there", PLAN, "Missing input files for rule drive",
         config("videos: {audio: [none]}\n"), do="put it into `resources/audio/`, or write a path "
         "with a `/`"),
    Case("a result of nobody", f"{PLAN} results/nobody/clip/video.mp4", "No rule to produce",
         do="look at the sheet for the names of the subjects"),
    Case("a stage that nobody knows", "unigs stage none", "there is no stage none: unigs stage",
         do="`unigs stage` lists them"),
    Case("a target that climbs", f"{PLAN} results/../../pwned", "No rule to produce",
         hostile=True),
    Case("code in YAML", PLAN, "config/config.yaml cannot be read",
         config('!!python/object/apply:os.system ["touch pwned"]\n'), hostile=True),
    Case("YAML that grows to billions of items", PLAN, "Additional properties are not allowed",
         config(BOMB), hostile=True),
    Case("a table whose name climbs", PLAN, r"tables: '\.\./\.\./pwned' does not match",
         config('tables: {"../../pwned": {variants: [unigs]}}\n'), hostile=True),
    Case("a variant whose name is a command", PLAN, "variants: '[$].touch pwned.' does not match",
         config('variants: {"$(touch pwned)": {static: {iterations: 5}}}\n'), hostile=True),
    Case("another system whose name is HTML", PLAN, "renders: '<b>' does not match",
         config('renders: {"<b>": {title: a}}\n'), hostile=True),
]  # fmt: skip
CASES = {"Sheet": SHEETS, "Configuration and command line": CONFIGURATIONS}
