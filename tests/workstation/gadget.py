# SPDX-License-Identifier: Apache-2.0
"""USB devices that the guest's own kernel plays to itself: dummy_hcd is a port and a device controller back to back,
configfs says what the device is (Documentation/usb/gadget_configfs.rst)."""

import shlex

CONFIGFS = "/sys/kernel/config/usb_gadget"
DUMMY_CONTROLLERS = 4  # so many gadgets at once

# A vendor's own page and 64-byte reports in both directions: what U-Keys that need no driver show.
VENDOR_REPORTS = bytes.fromhex("0600ff0901a1010902150026ff007508954081020903150026ff00750895409102c0")
# CTAP HID, the example of the FIDO specification: usage page F1D0, usage 01.
FIDO_REPORTS = bytes.fromhex("06d0f10901a1010920150026ff007508954081020921150026ff00750895409102c0")


class Gadget:
    """What the device says about itself, and its one function."""

    def __init__(self, name, vendor_id, product_id, manufacturer, product):
        self.name = name
        self.vendor_id = vendor_id
        self.product_id = product_id
        self.manufacturer = manufacturer
        self.product = product

    def function_script(self):
        """Shell lines that make the function in the gadget's folder, and the function's name."""
        raise NotImplementedError

    def plug_script(self, controller):
        lines, function = self.function_script()
        attributes = {"idVendor": f"0x{self.vendor_id:04x}", "idProduct": f"0x{self.product_id:04x}",
                      "bcdUSB": "0x0200", "strings/0x409/manufacturer": self.manufacturer,
                      "strings/0x409/product": self.product, "strings/0x409/serialnumber": "0001"}
        return "\n".join([
            "set -e", f"mkdir {CONFIGFS}/{self.name}", f"cd {CONFIGFS}/{self.name}", "mkdir strings/0x409 configs/c.1",
            *(f"printf %s {shlex.quote(value)} >{name}" for name, value in attributes.items()),
            f"mkdir functions/{function}", *lines, f"ln -s functions/{function} configs/c.1/",
            f"echo {controller} >UDC"])

    def unplug_script(self):
        _, function = self.function_script()
        return "\n".join(["set -e", f"cd {CONFIGFS}/{self.name}", "echo >UDC", f"rm configs/c.1/{function}",
                          f"rmdir functions/{function} configs/c.1 strings/0x409",
                          f"cd / && rmdir {CONFIGFS}/{self.name}"])


class HidGadget(Gadget):
    """A HID key: by default with a vendor's reports, or with FIDO's."""

    def __init__(self, name, vendor_id, product_id, manufacturer, product, reports=VENDOR_REPORTS):
        super().__init__(name, vendor_id, product_id, manufacturer, product)
        self.reports = reports

    def function_script(self):
        octal = "".join(f"\\{byte:03o}" for byte in self.reports)
        folder = "functions/hid.0"
        return [f"echo 0 >{folder}/protocol", f"echo 0 >{folder}/subclass", f"echo 64 >{folder}/report_length",
                f"printf '{octal}' >{folder}/report_desc"], "hid.0"


class StorageGadget(Gadget):
    """A storage-form key: the read-only CD-ROM that such keys show with their installer on it."""

    def function_script(self):
        medium = f"/run/{self.name}.medium"
        folder = "functions/mass_storage.0"
        return [f"truncate -s 2M {medium}", f"echo 1 >{folder}/lun.0/cdrom",
                f"echo 1 >{folder}/lun.0/ro", f"echo 1 >{folder}/lun.0/removable",
                f"echo {medium} >{folder}/lun.0/file"], "mass_storage.0"
