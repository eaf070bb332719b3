// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/inventory.hpp"

#include <gtest/gtest.h>

namespace ukey {
namespace {

BusEntry device(const std::string& port, std::uint16_t vendor, std::uint16_t product,
                std::uint8_t interface_class) {
    BusEntry entry;
    entry.device.port = port;
    entry.device.vendor_id = vendor;
    entry.device.product_id = product;
    entry.device.interface_classes = {interface_class};
    entry.known = DeviceTable::built_in().find(vendor, product);
    entry.token_overdue = true;
    return entry;
}

PresentKey key(const std::string& id, const std::string& slot_description) {
    PresentKey made;
    made.key_id = id;
    made.slot_description = slot_description;
    return made;
}

TEST(DeviceTable, KnowsWhatIsWhat) {
    const DeviceTable& table = DeviceTable::built_in();
    ASSERT_NE(table.find(0x096e, 0x0807), nullptr);
    EXPECT_EQ(table.find(0x096e, 0x0807)->product, "ePass2003");
    EXPECT_EQ(table.find(0x1050, 0x0407)->role, "ukey");
    EXPECT_EQ(table.find(0x8829, 0xccb2)->role, "bank");
    EXPECT_EQ(table.find(0x1234, 0x5678), nullptr);
    EXPECT_FALSE(DeviceTable::parse("h\nzzzz,0001,a,b,ccid,ukey,x,yes,s\n"));
    EXPECT_FALSE(DeviceTable::parse("h\n0001,0001,a\n"));
}

TEST(MatchBus, ByTheNameOfTheReader) {
    std::vector<BusEntry> devices{device("1-1", 0x096e, 0x0807, usb_class_smart_card),
                                  device("1-2", 0x19c8, 0x0012, usb_class_smart_card)};
    PresentKey first = key("a", "GoldKey PIV Token 00 00");
    PresentKey second = key("b", "Feitian ePass2003 01 00");
    std::vector<PresentKey*> keys{&first, &second};
    match_bus(devices, keys, {});
    EXPECT_EQ(first.usb_port, "1-2");
    EXPECT_EQ(second.usb_port, "1-1");
    EXPECT_EQ(devices[0].key_id, "b");
    EXPECT_TRUE(devices[0].findings.empty());
}

TEST(MatchBus, OneLeftOverOnEachSideBelongTogether) {
    std::vector<BusEntry> devices{device("1-1", 0x055c, 0xe618, usb_class_hid)};
    PresentKey only = key("a", "mToken Slot");
    std::vector<PresentKey*> keys{&only};
    match_bus(devices, keys, {});
    EXPECT_EQ(only.usb_port, "1-1");
    PresentKey virtual_key = key("a", "Virtual PCD 00 00");
    keys = {&virtual_key};
    match_bus(devices, keys, {});
    EXPECT_EQ(virtual_key.usb_port, "") << "a virtual reader is on no bus";
}

TEST(MatchBus, TheMissingLayerIsNamed) {
    std::vector<PresentKey*> no_keys;
    std::vector<BusEntry> devices{device("1-1", 0x055c, 0xe618, usb_class_hid)};
    match_bus(devices, no_keys, {});
    ASSERT_EQ(devices[0].findings.size(), 1U);
    EXPECT_EQ(devices[0].findings[0].code, "usb.no_middleware");
    devices = {device("1-1", 0x096e, 0x0807, usb_class_smart_card)};
    match_bus(devices, no_keys, {});
    EXPECT_EQ(devices[0].findings.at(0).code, "usb.no_reader");
    match_bus(devices, no_keys, {{"opensc", "Feitian ePass2003 00 00", false}});
    EXPECT_EQ(devices[0].findings.at(0).code, "usb.no_token");
    devices[0].token_overdue = false;
    match_bus(devices, no_keys, {});
    EXPECT_TRUE(devices[0].findings.empty()) << "it may still come";
}

TEST(MatchBus, WhatIsNoUKeyHasNoFinding) {
    std::vector<PresentKey*> no_keys;
    for (const auto& entry :
         {device("1-1", 0x1ea8, 0xf025, usb_class_hid), device("1-1", 0x8829, 0xccb2, usb_class_smart_card),
          device("1-1", 0x08e6, 0x4433, usb_class_smart_card),
          device("1-1", 0x1234, 0x5678, usb_class_smart_card)}) {
        std::vector<BusEntry> devices{entry};
        match_bus(devices, no_keys, {});
        EXPECT_TRUE(devices[0].findings.empty());
    }
}

} // namespace
} // namespace ukey
