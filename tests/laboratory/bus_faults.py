# SPDX-License-Identifier: Apache-2.0
"""Faults between the port and the device's driver, on umockdev's bus."""

import os
import shutil
import subprocess
import sys

from laboratory import CCID, HID, NOBODY, PORT, STORAGE, VENDOR_CLASS

LONGMAI_HID = ("055c", "e618")
LONGMAI_STORAGE = ("055c", "db08")

DESCRIPTOR_ERRORS = ("usb 1-1: new full-speed USB device number 5 using xhci_hcd",
                     "usb 1-1: device descriptor read/64, error -71",
                     "usb 1-1: device descriptor read/64, error -71",
                     "usb 1-1: device not accepting address 5, error -71",
                     "usb usb1-port1: unable to enumerate USB device")
FLAPPING = ("usb 1-1: new full-speed USB device number 5 using xhci_hcd", "usb 1-1: USB disconnect, device number 5") * 6


def bus(lab, **options):
    """pcscd and ukeyd, a root hub, and nothing in it."""
    lab.start_pcscd()
    lab.configure(extra="usb.token_wait_ms = 50\n", **options)
    lab.start_on_bus()


def no_device(lab):
    bus(lab)
    return lab.diagnosis()


def no_controller(lab):
    bus(lab)
    shutil.rmtree(os.path.join(lab.root, "sys/bus/usb/devices"))
    return lab.diagnosis()


def descriptor_errors(lab):
    bus(lab)
    lab.kernel_log(*DESCRIPTOR_ERRORS)
    return lab.diagnosis()


def flapping(lab):
    bus(lab)
    lab.kernel_log(*FLAPPING)
    return lab.diagnosis()


def over_current(lab):
    bus(lab)
    lab.kernel_log("usb usb1-port1: over-current condition", *DESCRIPTOR_ERRORS)
    return lab.diagnosis()


def hub_without_power(lab):
    bus(lab)
    lab.add_hub()
    lab.add_device("1-1.2")
    lab.set_attribute("1-1.2", "bConfigurationValue", "")
    lab.kernel_log("usb 1-1.2: rejected 1 configuration due to insufficient available bus power")
    return lab.diagnosis()


def not_configured(lab):
    bus(lab)
    lab.add_device()
    lab.set_attribute(PORT, "bConfigurationValue", "")
    return lab.diagnosis()


def not_authorized(lab):
    bus(lab)
    lab.add_device()
    lab.set_attribute(PORT, "authorized", "0")
    return lab.diagnosis()


def no_node(lab):
    bus(lab)
    lab.add_device()
    os.unlink(lab.node())
    return lab.diagnosis()


def node_denied(lab):
    bus(lab)
    lab.add_device(ids=LONGMAI_HID, classes=HID, strings="")
    os.chmod(lab.node(), 0o600)
    os.chown(lab.node(), 0, 0)
    lab.as_nobody()
    return lab.diagnosis()


def hid_without_middleware(lab):
    bus(lab)
    lab.add_device(ids=LONGMAI_HID, classes=HID, strings="", drivers=["usbhid"])
    lab.await_device_finding("usb.no_middleware")
    return lab.diagnosis()


def storage_form(lab):
    bus(lab)
    lab.add_device(ids=LONGMAI_STORAGE, classes=STORAGE, strings="", drivers=["usb-storage"])
    lab.await_device_finding("usb.no_middleware")
    return lab.diagnosis()


def wrong_class(lab):
    lab.readers = 0
    bus(lab)
    lab.add_device(classes=VENDOR_CLASS)
    lab.await_device_finding("usb.no_middleware")
    return lab.diagnosis()


def ccid_without_reader(lab):
    lab.readers = 0
    bus(lab)
    lab.add_device()
    lab.await_device_finding("usb.no_reader")
    return lab.diagnosis()


def claimed_by_driver(lab):
    bus(lab)
    lab.add_device(drivers=["usbip-host"])
    return lab.diagnosis()


def claimed_by_virtual_machine(lab):
    bus(lab)
    lab.add_device(drivers=["usbfs"])
    holder = lab.start([sys.executable, "-c", "import sys; f = open(sys.argv[1], 'rb'); print('open', flush=True); sys.stdin.read()",
                        lab.node()], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    holder.stdout.readline()
    return lab.diagnosis()


def unknown_device_of_shared_vendor(lab):
    bus(lab)
    lab.add_device(ids=("04b4", "1234"), classes=HID, strings="Cypress;Gadget;", drivers=["usbhid"])
    return lab.diagnosis(PORT)


def unknown_ccid_device(lab):
    lab.reader_name = "Another product"
    bus(lab)
    lab.add_device(ids=("04b4", "4321"), strings="Nobody;Unheard;")
    return lab.diagnosis()


def fido_token(lab):
    bus(lab)
    lab.add_device(ids=("1ea8", "f025"), classes=HID, strings="")
    return lab.diagnosis(PORT)


def bank_key(lab):
    bus(lab)
    lab.add_device(ids=("8829", "ccb2"), strings="")
    return lab.diagnosis(PORT)


def unknown_key_nobody_asked_for(lab):
    """A HID key that is not in the table, on two computers: it is there, and not what is asked for."""
    bus(lab)
    lab.add_device(ids=("04b4", "1234"), classes=HID, strings="Nobody;Key;", drivers=["usbhid"])
    previous = lab.save_elsewhere()
    return lab.diagnosis("--previous", previous)


def flapping_and_read(lab):
    """It is there just now, and was away six times in a minute."""
    lab.key_in_order()
    lab.kernel_log(*FLAPPING)
    return lab.diagnosis()


def gone_from_the_bus(lab):
    """The service has not noticed yet."""
    lab.key_in_order()
    shutil.rmtree(lab.sysfs(PORT))
    os.unlink(os.path.join(lab.root, "sys/bus/usb/devices", PORT))
    return lab.diagnosis()


def two_of_one_product(lab):
    """Two devices and one reader: whose it is cannot be told, on two computers neither."""
    lab.begin()
    lab.card.remove()
    lab.add_device("1-2", strings="Feitian;ePass2003;0002")
    lab.await_device_finding("usb.no_token", "1-2")
    previous = lab.save_elsewhere()
    return lab.diagnosis(PORT, "--previous", previous)


# In order, however odd ------------------------------------------------------------------------------------------------


def in_order(lab):
    lab.key_in_order()
    return lab.diagnosis()


def in_order_without_usb_serial(lab):
    lab.begin(device=False)
    lab.add_device(strings="Feitian;ePass2003;")
    lab.bind()
    return lab.diagnosis()


def in_order_without_usb_device(lab):
    lab.begin(device=False)
    lab.bind(port=None)
    return lab.diagnosis()


def in_order_behind_hub(lab):
    lab.begin(device=False)
    lab.add_hub()
    lab.add_device("1-1.4")
    lab.bind(port="1-1.4")
    return lab.diagnosis()


def in_order_after_bad_contact(lab):
    lab.key_in_order()
    lab.kernel_log(*DESCRIPTOR_ERRORS)
    return lab.diagnosis()


def in_order_world_writable(lab):
    lab.key_in_order()
    os.chmod(lab.node(), 0o666)
    return lab.diagnosis()


def in_order_suspended(lab):
    lab.key_in_order()
    lab.set_attribute(PORT, "power/runtime_status", "suspended")
    return lab.diagnosis()


def in_order_for_a_user_without_rights(lab):
    lab.key_in_order()
    os.chmod(os.path.join(lab.root, "dev/kmsg"), 0o600)
    lab.as_nobody()
    return lab.diagnosis()


FAULTS = [
    ("no device on the bus", "try_another_computer", no_device),
    ("no USB controller", "fix_this_computer", no_controller),
    ("descriptor errors", "try_another_computer", descriptor_errors),
    ("flapping", "try_another_computer", flapping),
    ("over-current", "fix_this_computer", over_current),
    ("hub without power", "fix_this_computer", hub_without_power),
    ("device without a configuration", "try_another_computer", not_configured),
    ("device not authorized", "fix_this_computer", not_authorized),
    ("device node missing", "fix_this_computer", no_node),
    ("device node denied", "fix_this_computer", node_denied),
    ("HID form, no middleware", "fix_this_computer", hid_without_middleware),
    ("storage form", "fix_this_computer", storage_form),
    ("wrong interface class", "fix_this_computer", wrong_class),
    ("CCID, no reader", "fix_this_computer", ccid_without_reader),
    ("claimed by another driver", "fix_this_computer", claimed_by_driver),
    ("claimed by a virtual machine", "fix_this_computer", claimed_by_virtual_machine),
    ("unknown device, shared vendor id", "try_another_computer", unknown_device_of_shared_vendor),
    ("unknown CCID device", ("fix_this_computer", "try_another_computer"), unknown_ccid_device),
    ("unknown HID key on two computers", "try_another_computer", unknown_key_nobody_asked_for),
    ("flapping, read just now", "try_another_computer", flapping_and_read),
    ("gone, the service does not know", "try_another_computer", gone_from_the_bus),
    ("two of one product", ("try_another_computer", "fix_this_computer"), two_of_one_product),
    ("FIDO token", "user_action", fido_token),
    ("a bank's key", "user_action", bank_key),
    ("in order", "key_in_order", in_order),
    ("in order, no USB serial", "key_in_order", in_order_without_usb_serial),
    ("in order, no USB device", "key_in_order", in_order_without_usb_device),
    ("in order, behind a hub", "key_in_order", in_order_behind_hub),
    ("in order, errors before", "key_in_order", in_order_after_bad_contact),
    ("in order, node world-writable", "key_in_order", in_order_world_writable),
    ("in order, suspended", "key_in_order", in_order_suspended),
    ("in order, asked without rights", "key_in_order", in_order_for_a_user_without_rights),
]
