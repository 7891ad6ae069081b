//! The fleet policy that the desktop program keeps to.

use protocol::desktop::PolicyNotice;

use super::SidebarState;

impl SidebarState {
    /// `None` in a browser, and where the program is of an earlier version.
    pub async fn policy(self) -> Option<PolicyNotice> {
        let transport = self.transport()?;
        transport.policy()?.await.ok()
    }
}
