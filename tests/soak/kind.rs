//! The kinds of tasks. A task's id ends in its kind, and the command does what that says.

use crate::env::Random;

/// What a task is meant to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Is done at once.
    Quick,
    /// Takes some time.
    Nap,
    /// Is large, and its command reads only the beginning.
    Big,
    /// Fails, and succeeds when it is tried again.
    Once,
    /// Oversleeps, and is in time when it is tried again.
    LateOnce,
    /// Fails each time.
    Never,
    /// Fails in a way after which a retry cannot help.
    Fatal,
    /// Oversleeps each time.
    Late,
    /// The same, and does not end when it is told to.
    Stubborn,
    /// Kills its worker.
    Poison,
}

/// How many of a thousand tasks are of each kind, for commands.
const SHARES: [(Kind, usize); 10] = [
    (Kind::Quick, 703),
    (Kind::Nap, 139),
    (Kind::Big, 20),
    (Kind::Once, 70),
    (Kind::LateOnce, 3),
    (Kind::Never, 30),
    (Kind::Fatal, 30),
    (Kind::Late, 2),
    (Kind::Stubborn, 2),
    (Kind::Poison, 1),
];

impl Kind {
    /// One at random, among those that neither take long nor harm.
    pub(super) fn draw_short(random: &mut Random) -> Self {
        random.one_of(&[
            Self::Quick,
            Self::Quick,
            Self::Quick,
            Self::Once,
            Self::Fatal,
        ])
    }

    /// One at random, among those for commands.
    pub(super) fn draw(random: &mut Random) -> Self {
        let mut place = random.below(1000);
        for (kind, share) in SHARES {
            match place.checked_sub(share) {
                None => return kind,
                Some(rest) => place = rest,
            }
        }
        Self::Quick
    }

    fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Nap => "nap",
            Self::Big => "big",
            Self::Once => "once",
            Self::LateOnce => "late_once",
            Self::Never => "never",
            Self::Fatal => "fatal",
            Self::Late => "late",
            Self::Stubborn => "stubborn",
            Self::Poison => "poison",
        }
    }

    /// The id of such a task.
    pub(super) fn id(self, producer: &str, number: usize) -> String {
        format!("{producer}-{number}-{}", self.name())
    }

    /// The kind of the task with this id.
    pub(super) fn of(id: &str) -> Self {
        let name = id.rsplit('-').next().unwrap_or_default();
        let found = SHARES.iter().find(|(kind, _)| kind.name() == name);
        found
            .unwrap_or_else(|| panic!("a task that nobody sent: {id}"))
            .0
    }

    /// Whether it is carried out in the end, unless its workers die again and again.
    pub(super) fn is_sound(self) -> bool {
        match self {
            Self::Quick | Self::Nap | Self::Big | Self::Once | Self::LateOnce => true,
            Self::Never | Self::Fatal | Self::Late | Self::Stubborn | Self::Poison => false,
        }
    }

    /// Whether a dead letter of this kind may tell this story: reason, attempts and stderr. There
    /// are two retries.
    pub(super) fn fits(self, story: &str) -> bool {
        let expected: &[&str] = match self {
            Self::Never => &["exit code 1 in attempt 3;", "never: "],
            Self::Fatal => &["exit code 65 in attempt 1;"],
            Self::Poison => &["was returned"],
            // They oversleep; and on a busy machine anything can.
            _ => &["(--timeout) in attempt 3;"],
        };
        let is_expected = expected.iter().all(|part| story.contains(part));
        // Any task can be one whose workers die again and again.
        is_expected || story.starts_with("was returned")
    }
}

/// The command of the workers, for `sh -c`, with the ledger's path as `$0`. The line in the ledger
/// is the work: one write at its end, before the command ends well.
pub(super) const COMMAND: &str = r#"
IFS=' ' read -r id _
case $id in
*-nap) sleep "0.0$(($$ % 9 + 1))" ;;
*-once) if [ "$TASK_ATTEMPT" = 1 ]; then echo "not yet: $id" >&2; exit 1; fi ;;
*-late_once) if [ "$TASK_ATTEMPT" = 1 ]; then exec sleep 20; fi ;;
*-never) echo "never: $id" >&2; exit 1 ;;
*-fatal) exit 65 ;;
*-late) sleep 20; exit 1 ;;
*-stubborn) trap '' TERM; sleep 20; exit 1 ;;
*-poison) ps -o args= -p $PPID | grep -qF -- "$0" && kill -9 $PPID; exit 1 ;;
esac
echo "$id" >>"$0"
"#;
