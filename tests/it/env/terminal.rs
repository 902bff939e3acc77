//! A terminal in which a command runs, and what stands on its screen.

use super::DEADLINE;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::ffi::OsString;
use std::io::{Read as _, Write};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use vt100::Parser;

/// A terminal of some size.
pub struct Terminal {
    parser: Arc<Mutex<Parser>>,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    reader: JoinHandle<()>,
}

impl Terminal {
    /// Runs `command` in a terminal with this many `columns` and `rows`.
    pub fn run(command: &Command, columns: u16, rows: u16) -> Self {
        let (master, child) = in_terminal(command, columns, rows);
        let parser = Arc::new(Mutex::new(Parser::new(rows, columns, 0)));
        let mut output = master.try_clone_reader().unwrap();
        let shown = Arc::clone(&parser);
        let reader = thread::spawn(move || {
            let mut piece = [0; 4096];
            // The end of a terminal is an error on Linux.
            while let Ok(count @ 1..) = output.read(&mut piece) {
                shown.lock().unwrap().process(&piece[..count]);
            }
        });
        Self {
            parser,
            keys: master.take_writer().unwrap(),
            master,
            child,
            reader,
        }
    }

    /// What stands on the screen, a line for each row.
    pub fn screen(&self) -> String {
        text(&self.parser)
    }

    /// Waits until that stands on the screen, and returns all of it.
    pub fn shows(&self, text: &str) -> String {
        let is_shown = || self.screen().contains(text);
        let shown = wait_until(is_shown);
        let screen = self.screen();
        assert!(shown, "no `{text}` on the screen:\n{screen}");
        screen
    }

    /// Types this.
    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Presses Ctrl+C between two drawings: the system throws away what was drawn and not yet read.
    pub fn interrupt(&mut self) {
        let is_drawn = || self.parser.lock().unwrap().screen().cursor_position().1 == 0;
        assert!(wait_until(is_drawn), "the cursor does not rest");
        self.press("\x03");
    }

    /// Another size.
    pub fn resize(&self, columns: u16, rows: u16) {
        self.parser
            .lock()
            .unwrap()
            .screen_mut()
            .set_size(rows, columns);
        self.master.resize(size(columns, rows)).unwrap();
    }

    /// Waits for the command's end: its exit code, and what it leaves on the screen.
    pub fn ended(mut self) -> (u32, String) {
        let mut code = None;
        let is_over = wait_until(|| {
            code = self.child.try_wait().unwrap();
            code.is_some()
        });
        if !is_over {
            let _ = self.child.kill();
            panic!("it did not end:\n{}", self.screen());
        }
        drop(self.master);
        self.reader.join().unwrap();
        let screen = text(&self.parser);
        (code.map_or(u32::MAX, |code| code.exit_code()), screen)
    }
}

/// Runs `command` in a terminal that nobody looks at. It goes when the first of the two is dropped.
pub fn in_terminal(
    command: &Command,
    columns: u16,
    rows: u16,
) -> (Box<dyn MasterPty + Send>, Box<dyn Child + Send + Sync>) {
    let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
    let mut builder = CommandBuilder::new(command.get_program());
    builder.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => builder.env(name, value),
            None => builder.env_remove(name),
        }
    }
    builder.env("TERM", "xterm-256color");
    let folder: Option<OsString> = command.get_current_dir().map(Into::into);
    builder.cwd(folder.unwrap_or_else(|| super::root().into()));
    let child = pair.slave.spawn_command(builder).unwrap();
    (pair.master, child)
}

/// Row by row: what a row ends with may have been written as one with the next.
fn text(parser: &Mutex<Parser>) -> String {
    let parser = parser.lock().unwrap();
    let (_, columns) = parser.screen().size();
    let rows = parser.screen().rows(0, columns);
    let rows: Vec<_> = rows.map(|row| row.trim_end().to_owned()).collect();
    rows.join("\n").trim_end().to_owned()
}

/// Whether it becomes so in time.
fn wait_until(mut is_so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + DEADLINE;
    while !is_so() {
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(10));
    }
    true
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols: columns,
        ..PtySize::default()
    }
}
