//! Follows the payload of a method or of a content header, and defuses in place what amiquip cannot take.
//!
//! - **Deep tables.** The parser calls itself for each table that lies in another. A thread's
//!   stack ends at somewhat more than 500 levels in a debug build, and with it the whole process;
//!   5 KB of headers are enough, and RabbitMQ passes them on. Anyone who may publish could crash
//!   every worker of a queue, again and again. So a table or list that lies too deep becomes a byte
//!   array: one byte changes, and no length.
//! - **No heartbeat.** A broker that is set up without heartbeats would have amiquip go without,
//!   and a peer that vanishes would never be noticed.
//! - **Methods that only clients send** are refused: they hold tables, too.

use super::violation::Violation;

/// How many tables and lists may lie in each other. RabbitMQ's own headers need three.
pub(super) const DEEPEST: usize = 32;

/// What stands in for a heartbeat of 0, in seconds: amiquip takes the smaller of this and ours.
const HEARTBEAT: u8 = 255;

/// Flags of a content header: which properties follow.
const HAS_CONTENT_TYPE: u32 = 1 << 15;
const HAS_CONTENT_ENCODING: u32 = 1 << 14;
const HAS_HEADERS: u32 = 1 << 13;

/// What is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PayloadKind {
    /// The payload of a method frame.
    Method,
    /// The payload of a content header frame.
    ContentHeader,
}

/// Where in a payload the bytes given so far have ended.
#[derive(Debug)]
pub(super) struct PayloadReader {
    step: Reading,
    /// The number that is being read.
    number: u32,
    /// Bytes given so far.
    at: usize,
    /// Tables and lists that have begun, the innermost last.
    open: Vec<OpenContainer>,
    /// Properties that are strings, before the headers.
    strings: u8,
    /// Class and method, until somebody asks.
    method: Option<(u32, u32)>,
}

#[derive(Clone, Copy, Debug)]
enum Reading {
    /// This many bytes of a number are still to come.
    Number(usize, Meaning),
    /// This many bytes are of no interest.
    Skip(usize, Follows),
    /// None of the rest is of interest.
    Done,
}

#[derive(Clone, Copy, Debug)]
enum Meaning {
    ClassAndMethod,
    Heartbeat,
    Flags,
    StringLength,
    NameLength,
    Type,
    ValueLength,
    ContainerLength(Container),
}

#[derive(Clone, Copy, Debug)]
enum Follows {
    Heartbeat,
    Flags,
    Property,
    ServerProperties,
    Type,
    Element,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Container {
    Table,
    List,
}

#[derive(Debug)]
struct OpenContainer {
    container: Container,
    ends_at: usize,
}

impl PayloadReader {
    /// A reader at the first byte.
    pub(super) fn new(kind: PayloadKind) -> Self {
        /// Class, weight and the body's size.
        const BEFORE_FLAGS: usize = 2 + 2 + 8;
        Self {
            step: match kind {
                PayloadKind::Method => Reading::Number(4, Meaning::ClassAndMethod),
                PayloadKind::ContentHeader => Reading::Skip(BEFORE_FLAGS, Follows::Flags),
            },
            number: 0,
            at: 0,
            open: Vec::new(),
            strings: 0,
            method: None,
        }
    }

    /// The class and method that have come since this was last asked.
    pub(super) fn take_method(&mut self) -> Option<(u32, u32)> {
        self.method.take()
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// A method that no broker sends.
    pub(super) fn follow(&mut self, mut bytes: &mut [u8]) -> Result<(), Violation> {
        while !bytes.is_empty() {
            let count = match self.step {
                Reading::Done => return Ok(()),
                Reading::Skip(left, then) => {
                    let count = left.min(bytes.len());
                    self.at += count;
                    self.step = Reading::Skip(left - count, then);
                    if left == count {
                        self.skipped(then);
                    }
                    count
                }
                Reading::Number(left, meaning) => {
                    self.at += 1;
                    self.number = (self.number << 8) | u32::from(bytes[0]);
                    self.step = Reading::Number(left - 1, meaning);
                    if left == 1 {
                        let number = std::mem::take(&mut self.number);
                        self.read(meaning, number, &mut bytes[0])?;
                    }
                    1
                }
            };
            bytes = &mut bytes[count..];
        }
        Ok(())
    }

    /// A number is complete; `last` is its last byte.
    fn read(&mut self, meaning: Meaning, number: u32, last: &mut u8) -> Result<(), Violation> {
        let length = number as usize;
        match meaning {
            Meaning::ClassAndMethod => self.begin(number)?,
            Meaning::Heartbeat => {
                if number == 0 {
                    *last = HEARTBEAT;
                }
                self.step = Reading::Done;
            }
            Meaning::Flags if number & HAS_HEADERS == 0 => self.step = Reading::Done,
            Meaning::Flags => {
                self.strings = u8::from(number & HAS_CONTENT_TYPE != 0)
                    + u8::from(number & HAS_CONTENT_ENCODING != 0);
                self.next_property();
            }
            Meaning::StringLength => self.skip(length, Follows::Property),
            Meaning::NameLength => self.skip(length, Follows::Type),
            Meaning::Type => self.value(last),
            Meaning::ValueLength => self.skip(length, Follows::Element),
            Meaning::ContainerLength(container) => {
                if self.has_room_for(length) {
                    let ends_at = self.at.saturating_add(length);
                    self.open.push(OpenContainer { container, ends_at });
                    self.next_element();
                } else {
                    self.give_up();
                }
            }
        }
        Ok(())
    }

    /// A method begins. All that brokers send to clients, by class and method.
    fn begin(&mut self, class_and_method: u32) -> Result<(), Violation> {
        let method = (class_and_method >> 16, class_and_method & 0xffff);
        self.method = Some(method);
        self.step = match method {
            // connection.start: two bytes of version, then the server's properties.
            (10, 10) => Reading::Skip(2, Follows::ServerProperties),
            // connection.tune: channel_max, frame_max, heartbeat.
            (10, 30) => Reading::Skip(2 + 4, Follows::Heartbeat),
            (10, 20 | 41 | 50 | 51 | 60 | 61 | 71)
            | (20, 11 | 20 | 21 | 40 | 41)
            | (40, 11 | 21 | 31 | 51)
            | (50, 11 | 21 | 31 | 41 | 51)
            | (60, 11 | 21 | 30 | 31 | 50 | 60 | 71 | 72 | 80 | 111 | 120)
            | (85, 11)
            | (90, 11 | 21 | 31) => Reading::Done,
            _ => return Err(Violation::BadFrame),
        };
        Ok(())
    }

    fn skipped(&mut self, then: Follows) {
        match then {
            Follows::Heartbeat => self.step = Reading::Number(2, Meaning::Heartbeat),
            Follows::Flags => self.step = Reading::Number(2, Meaning::Flags),
            Follows::Property => self.next_property(),
            Follows::ServerProperties => self.table(),
            Follows::Type => self.number(1, Meaning::Type),
            Follows::Element => self.next_element(),
        }
    }

    fn next_property(&mut self) {
        if self.strings > 0 {
            self.strings -= 1;
            self.number(1, Meaning::StringLength);
        } else {
            self.table();
        }
    }

    fn table(&mut self) {
        self.number(4, Meaning::ContainerLength(Container::Table));
    }

    /// A value of this type begins. A type that the parser does not know ends its table: it reads
    /// no further in it, and neither do we.
    fn value(&mut self, type_: &mut u8) {
        match *type_ {
            b't' | b'b' | b'B' => self.skip(1, Follows::Element),
            b's' | b'U' | b'u' => self.skip(2, Follows::Element),
            b'I' | b'i' | b'f' => self.skip(4, Follows::Element),
            b'D' => self.skip(5, Follows::Element),
            b'L' | b'l' | b'd' | b'T' => self.skip(8, Follows::Element),
            b'V' => self.next_element(),
            b'S' | b'x' => self.number(4, Meaning::ValueLength),
            b'A' | b'F' if self.open.len() >= DEEPEST => {
                *type_ = b'x';
                self.number(4, Meaning::ValueLength);
            }
            b'A' => self.number(4, Meaning::ContainerLength(Container::List)),
            b'F' => self.number(4, Meaning::ContainerLength(Container::Table)),
            _ => self.give_up(),
        }
    }

    fn next_element(&mut self) {
        while self.open.last().is_some_and(|open| open.ends_at == self.at) {
            self.open.pop();
        }
        match self.open.last().map(|open| open.container) {
            None => self.step = Reading::Done,
            Some(Container::Table) => self.number(1, Meaning::NameLength),
            Some(Container::List) => self.number(1, Meaning::Type),
        }
    }

    fn number(&mut self, length: usize, meaning: Meaning) {
        if self.has_room_for(length) {
            self.step = Reading::Number(length, meaning);
        } else {
            self.give_up();
        }
    }

    fn skip(&mut self, length: usize, then: Follows) {
        if !self.has_room_for(length) {
            self.give_up();
        } else if length == 0 {
            self.skipped(then);
        } else {
            self.step = Reading::Skip(length, then);
        }
    }

    /// Whether the innermost table or list has `length` bytes left.
    fn has_room_for(&self, length: usize) -> bool {
        let end = self.open.last().map(|open| open.ends_at);
        end.is_none_or(|end| length <= end.saturating_sub(self.at))
    }

    /// The innermost table or list is malformed: the parser keeps what it has of it, and goes on
    /// behind its end.
    fn give_up(&mut self) {
        let Some(open) = self.open.pop() else {
            self.step = Reading::Done;
            return;
        };
        match open.ends_at.saturating_sub(self.at) {
            0 => self.next_element(),
            left => self.step = Reading::Skip(left, Follows::Element),
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
