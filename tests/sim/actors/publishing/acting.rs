//! What the publishing core wants done.

use super::super::side::RPC_LIMIT;
use super::line::{Line, passive};
use super::{Output, Publishing};
use crate::broker::Time;
use crate::broker::declaration::Answer;
use crate::broker::method::Request;
use crate::sabotage::Sabotage;
use crate::world::{Port, Rest, World};
use std::rc::Rc;
use std::time::Duration;
use work_queue::publisher::core::{Action, Form, Notice};

impl Publishing {
    /// Does what the core wants, until it waits. Returns what it decided.
    pub fn drive(&mut self, world: &mut World) -> Vec<Output> {
        loop {
            let now = world.instant();
            let action = self.core.poll(now);
            let line = &mut self.line;
            match action {
                Action::Wait(until) => {
                    if let Some(until) = until {
                        let until = world.time_of(until);
                        self.wake_at(world, until);
                    }
                    self.wake_for_requests(world);
                    return std::mem::take(&mut self.outputs);
                }
                Action::Connect { pause, look_for } => {
                    self.looks_for = look_for.map(str::to_owned);
                    let jitter = world.random.between(Duration::from_micros(1), pause / 2);
                    world.connect(self.port, pause + jitter, self.rate);
                }
                Action::Disconnect => {
                    if let Some(wire) = line.wire.take() {
                        world.hang_up(wire, Rest::Some);
                    }
                    *line = Line::default();
                    self.side.clear();
                }
                Action::OpenChannel => line.open(world, self.results),
                Action::Declare {
                    to, queue, form, ..
                } => match (line.wire, form) {
                    (Some(wire), Form::Blind) => {
                        let wish = self.side.blind(to, queue);
                        line.declare_blindly(world, wire, queue, wish);
                    }
                    (Some(wire), Form::Check) => {
                        if let Some(channel) = line.publishing {
                            line.checking = Some(queue.to_owned());
                            let check = passive(queue, Answer::Wanted);
                            world.send(wire, channel, Request::Declare(check));
                        }
                    }
                    (Some(wire), _) => {
                        line.channels += 1;
                        let at = (wire, line.channels);
                        self.side.declare(world, at, to.clone(), queue, form);
                    }
                    (None, _) => {}
                },
                Action::Measure => {
                    if let Some(wire) = line.wire {
                        line.channels += 1;
                        self.side.measure(world, (wire, line.channels));
                    }
                }
                Action::Publish { queue, payload, .. } => {
                    let task = Rc::clone(&payload.0);
                    line.publish(world, queue, task);
                }
                Action::Confirmed { number, queue, .. } => {
                    let queue = queue.to_string();
                    self.outputs.push(Output::Confirmed { number, queue });
                }
                Action::Refused {
                    number,
                    fault,
                    scope,
                    ..
                } => self.outputs.push(Output::Refused {
                    number,
                    fault,
                    scope,
                }),
                Action::Withdrawn { number, sent } => {
                    self.outputs.push(Output::Withdrawn { number, sent });
                }
                Action::Tell(notice) => tell(world, self.port, &notice),
                Action::GiveUp(fault) => self.outputs.push(Output::GaveUp(fault)),
            }
        }
    }

    /// Whether a sabotage holds back all because of one refusal.
    pub(super) fn withholds(&mut self, world: &mut World) -> bool {
        if world.sabotage == Some(Sabotage::BlocksAllOnOne) {
            self.line.withheld_until = world.now + Duration::from_secs(20);
            self.wake_at(world, self.line.withheld_until);
        }
        false
    }

    fn wake_for_requests(&mut self, world: &mut World) {
        let opening = self.line.opening.map(|since| since + RPC_LIMIT);
        let deadline = [opening, self.side.deadline()].into_iter().flatten().min();
        if let Some(at) = deadline {
            self.wake_at(world, at.max(self.line.left_at + RPC_LIMIT));
        }
    }

    pub(super) fn wake_at(&mut self, world: &mut World, at: Time) {
        self.wakes.wake_at(world, self.port, at);
    }
}

fn tell(world: &mut World, port: Port, notice: &Notice) {
    world
        .trace
        .note(world.now, || format!("{port:?} {notice:?}"));
}
