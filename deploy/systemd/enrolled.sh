#!/bin/sh
# What edge-agent-enrol.service does once the device is enrolled, as root: takes away the claim, which is used up, and
# starts the agent, now and at each boot.
claim=/boot/firmware/edge-agent.claim
if ! rm -f "$claim" 2>/dev/null; then
  # A prepared card mounts the boot partition read-only.
  mount -o remount,rw /boot/firmware && rm -f "$claim"
  mount -o remount,ro /boot/firmware
fi
systemctl enable edge-agent.service
# On such a card all else that is written here is gone at the next start.
if findmnt -n -t overlay / >/dev/null && command -v overlayroot-chroot >/dev/null; then
  overlayroot-chroot systemctl enable edge-agent.service
fi
systemctl --no-block restart edge-agent.service
