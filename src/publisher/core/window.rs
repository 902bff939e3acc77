//! How many messages may be unconfirmed.

/// The window after a refusal; it grows with each confirm. A full queue is then not sent the same
/// thousand messages again for each one that is taken from it.
const AFTER_REFUSAL: usize = 16;

/// The window of one destination.
#[derive(Clone, Debug)]
pub(super) struct Window {
    max: Size,
    /// How many may be unconfirmed at the moment.
    now: usize,
    used: Size,
    /// It was full, and is not half empty yet.
    full: bool,
}

/// Messages, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// How many.
    pub messages: usize,
    /// The bytes of their bodies.
    pub bytes: usize,
}

impl Window {
    pub(super) fn new(max: Size) -> Self {
        Self {
            max,
            now: max.messages,
            used: Size::default(),
            full: false,
        }
    }

    /// Whether one more may be published. Once the window was full it is first half emptied:
    /// publishes that go out together cost this process, the network and the broker much less than
    /// one for each confirm.
    pub(super) fn has_room(&mut self) -> bool {
        let Size { messages, bytes } = self.used;
        if messages >= self.now || bytes >= self.max.bytes {
            self.full = true;
        } else if messages <= self.now / 2 && bytes <= self.max.bytes / 2 {
            self.full = false;
        }
        !self.full
    }

    pub(super) fn add(&mut self, bytes: usize) {
        self.used.messages += 1;
        self.used.bytes += bytes;
    }

    pub(super) fn remove(&mut self, bytes: usize) {
        self.used.messages = self.used.messages.saturating_sub(1);
        self.used.bytes = self.used.bytes.saturating_sub(bytes);
    }

    /// The broker refused one.
    pub(super) fn shrink(&mut self) {
        self.now = AFTER_REFUSAL.min(self.max.messages);
    }

    /// The broker took one: the window doubles with each that it takes whole.
    pub(super) fn grow(&mut self) {
        self.now = self.max.messages.min(self.now + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(messages: usize, bytes: usize) -> Window {
        Window::new(Size { messages, bytes })
    }

    #[test]
    fn a_full_window_is_half_emptied_first() {
        let mut window = window(4, 1000);
        for _ in 0..4 {
            assert!(window.has_room());
            window.add(1);
        }
        assert!(!window.has_room());
        window.remove(1);
        assert!(!window.has_room());
        window.remove(1);
        assert!(window.has_room());
    }

    #[test]
    fn bytes_fill_it_as_well_but_one_message_always_fits() {
        let mut window = window(4, 1000);
        assert!(window.has_room());
        window.add(5000);
        assert!(!window.has_room());
        window.remove(5000);
        assert!(window.has_room());
        assert_eq!(window.used, Size::default());
    }

    #[test]
    fn it_is_small_after_a_refusal_and_grows_with_confirms() {
        let mut window = window(100, 1000);
        window.shrink();
        for _ in 0..AFTER_REFUSAL {
            assert!(window.has_room());
            window.add(1);
        }
        assert!(!window.has_room());
        for _ in 0..AFTER_REFUSAL {
            window.remove(1);
            window.grow();
        }
        let mut count = 0;
        while window.has_room() {
            window.add(1);
            count += 1;
        }
        assert_eq!(count, 2 * AFTER_REFUSAL);
    }
}
