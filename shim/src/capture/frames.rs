//! The last few frames, by the ids that the page knows them by.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Frame;

/// A 4K frame is 33 MB: enough to compare and retry, not enough to fill a memory.
const KEPT: usize = 4;

#[derive(Debug, Default)]
pub struct Frames {
    taken: u64,
    kept: VecDeque<(String, Arc<Frame>)>,
}

impl Frames {
    /// Keeps a frame and gives its id; the oldest one beyond the limit goes.
    pub fn keep(&mut self, frame: Frame) -> String {
        self.taken += 1;
        let id = format!("frame-{}", self.taken);
        self.kept.push_back((id.clone(), Arc::new(frame)));
        while self.kept.len() > KEPT {
            self.kept.pop_front();
        }
        id
    }

    pub fn find(&self, id: &str) -> Option<Arc<Frame>> {
        self.kept.iter().find(|(kept, _)| kept == id).map(|(_, frame)| Arc::clone(frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_few() {
        let mut frames = Frames::default();
        let ids: Vec<_> = (0..6)
            .map(|n| frames.keep(Frame { pixels: image::RgbaImage::new(1, 1), monitor: n.to_string() }))
            .collect();
        let found: Vec<_> = ids.iter().filter_map(|id| frames.find(id)).map(|f| f.monitor.clone()).collect();
        assert_eq!(found, ["2", "3", "4", "5"]);
    }
}
