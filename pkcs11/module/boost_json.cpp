// SPDX-License-Identifier: Apache-2.0
// The module's own copy of Boost.JSON (hidden, see exports.map).
#include <boost/json/src.hpp>
