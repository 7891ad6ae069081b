//! The last few frames, by the ids under which the page knows them.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Frame;

/// A 4K frame takes 33 MB: enough frames to compare and retry, not enough to fill the memory.
const CAPACITY: usize = 4;

#[derive(Debug, Default)]
pub struct FrameCache {
    inserted: u64,
    frames: VecDeque<(String, Arc<Frame>)>,
}

impl FrameCache {
    /// Returns the frame's id. Beyond the capacity, the oldest frame is dropped.
    pub fn insert(&mut self, frame: Frame) -> String {
        self.inserted += 1;
        let id = format!("frame-{}", self.inserted);
        self.frames.push_back((id.clone(), Arc::new(frame)));
        while self.frames.len() > CAPACITY {
            self.frames.pop_front();
        }
        id
    }

    pub fn get(&self, id: &str) -> Option<Arc<Frame>> {
        self.frames.iter().find(|(known, _)| known == id).map(|(_, frame)| Arc::clone(frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_the_last_few() {
        let mut cache = FrameCache::default();
        let ids: Vec<_> = (0..6)
            .map(|n| {
                let pixels = image::RgbaImage::new(1, 1);
                cache.insert(Frame { pixels, monitor: n.to_string(), origin: crate::Point { x: 0, y: 0 } })
            })
            .collect();
        let found: Vec<_> = ids.iter().filter_map(|id| cache.get(id)).map(|f| f.monitor.clone()).collect();
        assert_eq!(found, ["2", "3", "4", "5"]);
    }
}
