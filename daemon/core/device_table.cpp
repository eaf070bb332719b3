// SPDX-License-Identifier: Apache-2.0
#include "daemon/core/device_table.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <tuple>

#include "daemon/core/csv.hpp"
#include "embedded/usb_keys_csv.hpp"

namespace ukey {
namespace {

constexpr std::size_t column_count = 9;

std::optional<std::uint16_t> parse_usb_id(std::string_view text) {
    std::uint16_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc{} || end != text.data() + text.size() || text.size() != 4) {
        return std::nullopt;
    }
    return value;
}

auto usb_id(const KnownDevice& device) {
    return std::tuple(device.vendor_id, device.product_id);
}

Result<KnownDevice> parse_row(const CsvRow& row) {
    const std::string place = "usb_keys.csv:" + std::to_string(row.line);
    if (row.cells.size() != column_count) {
        return fail("registry.bad_cell", "read the device table", place, "wrong number of cells");
    }
    const auto vendor_id = parse_usb_id(row.cells[0]);
    const auto product_id = parse_usb_id(row.cells[1]);
    if (!vendor_id || !product_id) {
        return fail("registry.bad_cell", "read the device table", place,
                    "an id must be four hexadecimal digits");
    }
    return KnownDevice{.vendor_id = *vendor_id,
                       .product_id = *product_id,
                       .vendor = row.cells[2],
                       .product = row.cells[3],
                       .transport = row.cells[4],
                       .role = row.cells[5],
                       .middleware = row.cells[6],
                       .certain = row.cells[7] == "yes"};
}

} // namespace

Result<DeviceTable> DeviceTable::parse(std::string_view csv_text) {
    auto rows = parse_csv(csv_text);
    if (!rows) {
        return tl::unexpected(rows.error());
    }
    DeviceTable table;
    for (std::size_t index = 1; index < rows->size(); ++index) { // the first row names the columns
        auto device = parse_row((*rows)[index]);
        if (!device) {
            return tl::unexpected(device.error());
        }
        table.devices_.push_back(std::move(*device));
    }
    std::ranges::sort(table.devices_, {}, usb_id);
    return table;
}

const DeviceTable& DeviceTable::built_in() {
    static const DeviceTable table = parse(embedded::usb_keys_csv).value();
    return table;
}

const KnownDevice* DeviceTable::find(std::uint16_t vendor_id, std::uint16_t product_id) const {
    const auto found = std::ranges::lower_bound(devices_, std::tuple(vendor_id, product_id), {}, usb_id);
    if (found == devices_.end() || usb_id(*found) != std::tuple(vendor_id, product_id)) {
        return nullptr;
    }
    return &*found;
}

} // namespace ukey
